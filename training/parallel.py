"""Data-parallel training on CPU: one thread per process, and one flat gradient summed over all processes.

This beats one process of many threads as soon as anything else runs on the machine.
"""

import os
import tempfile

import torch
import torch.distributed as dist


def launch(worker, args):
    """Runs worker(rank, args) in args.processes processes."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_enter, (worker, args, os.path.join(folder, "rendezvous")), nprocs=args.processes)


def _enter(rank, worker, args, rendezvous):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=args.processes)
    worker(rank, args)
    dist.destroy_process_group()


def share_gradients(parameters, numbers, limit=1.0):
    """Averages gradients and `numbers` over processes and clips the norm; false if the gradient is not finite."""
    flat = torch.cat([p.grad.reshape(-1) for p in parameters] + [torch.tensor(numbers, dtype=torch.float32)])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    gradient, numbers = flat[: -len(numbers)], flat[-len(numbers) :].tolist()
    norm = gradient.norm()
    gradient *= torch.clamp(limit / norm, max=1.0)
    for p, g in zip(parameters, gradient.split([p.numel() for p in parameters])):
        p.grad = g.view_as(p)
    return bool(torch.isfinite(norm)), numbers
