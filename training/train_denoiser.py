"""Trains the denoiser on stored latents: rectified flow, estimate of the clean latent, classifier-free guidance.

Each process runs on one thread; gradients are summed over processes. The gate after every `--gate` seconds samples
held-out prompts with the averaged weights and asks the analyser.
"""

import argparse
import copy
import glob
import json
import os
import time

import numpy as np
import torch

from data import analyse
from model import CARDINALITIES, LATENT, Decoder, Denoiser, sample, shifted
from parallel import launch, share_gradients

SHIFT = 3.0  # of the noise levels, in training and in sampling
LEVEL_FLOOR = 0.3  # below it the loss weight 1 / s^2 stays constant


def load_pool(pattern):
    parts = [np.load(path) for path in sorted(glob.glob(pattern))]
    attributes = np.concatenate([part["attributes"] for part in parts]).astype(np.int64)
    return torch.from_numpy(attributes), torch.from_numpy(np.concatenate([part["latents"] for part in parts]))


def drop_conditions(attributes, generator):
    """10 % of clips lose every attribute, and each attribute is lost in 6 %."""
    null = torch.tensor(CARDINALITIES)
    lost = torch.rand(attributes.shape, generator=generator) < 0.06
    lost |= torch.rand((len(attributes), 1), generator=generator) < 0.10
    return torch.where(lost, null, attributes)


def flow_loss(model, latents, attributes, generator):
    n = len(latents)
    uniform = (torch.arange(n) + torch.rand(n, generator=generator)) / n
    s = shifted(uniform, SHIFT).clamp(min=1e-3)
    level = s.view(-1, 1, 1, 1, 1)
    noise = torch.randn(latents.shape, generator=generator)
    with torch.autocast("cpu", torch.bfloat16):
        estimate = model((1 - level) * latents + level * noise, s, attributes)
    error = (estimate - latents).square().mean((1, 2, 3, 4))
    return (error / s.clamp(min=LEVEL_FLOOR).square()).mean()


def gate(model, decoder, guidance, count=96, steps=16):
    """Accuracy of the analyser on samples of held-out combinations."""
    combinations = json.load(open(os.path.join(os.path.dirname(__file__), "held_out.json")))
    generator = torch.Generator().manual_seed(5)
    attributes = torch.tensor([combinations[i % len(combinations)] for i in range(count)])
    clips = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for part in attributes.split(32):
            noise = torch.randn((len(part), *LATENT), generator=generator)
            clips.append(decoder(sample(model, part, noise, steps, guidance, SHIFT)))
    return analyse(attributes, torch.cat(clips))


class Trainer:
    def __init__(self, rank, args):
        self.rank, self.args = rank, args
        torch.manual_seed(args.seed)
        self.model = Denoiser(args.width, args.depth)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.elapsed = 0, 0.0
        if os.path.exists(args.out):
            state = torch.load(args.out)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.elapsed = state["step"], state["elapsed"]
        self.generator = torch.Generator().manual_seed(args.seed * 1000 + rank + self.step * 10)
        self.reload()

    def reload(self):
        self.attributes, self.latents = load_pool(self.args.pool)
        self.queue = torch.empty(0, dtype=torch.long)

    def batch(self):
        n = self.args.batch
        if len(self.queue) < n:
            self.queue = torch.randperm(len(self.latents), generator=self.generator)
        picks, self.queue = self.queue[:n], self.queue[n:]
        return self.latents[picks].float(), drop_conditions(self.attributes[picks], self.generator)

    def train_step(self, progress):
        """One update; returns the mean loss and the progress that rank 0 sees, which all ranks obey."""
        latents, attributes = self.batch()
        loss = flow_loss(self.model, latents, attributes, self.generator)
        self.optimizer.zero_grad()
        loss.backward()
        # The mean over processes times their number: only rank 0 contributes its clock.
        clock = progress * self.args.processes if self.rank == 0 else 0.0
        finite, (loss, progress) = share_gradients(self.parameters, [loss.item(), clock])
        if finite:
            decay = min(1.0, (1 - progress) / self.args.decay)
            for group in self.optimizer.param_groups:
                group["lr"] = self.args.lr * min(1.0, (self.step + 1) / 200) * max(0.01, decay)
            self.optimizer.step()
            keep = min(self.args.ema, (self.step + 1) / (self.step + 10))
            torch._foreach_lerp_(list(self.average.parameters()), self.parameters, 1 - keep)
        self.step += 1
        return loss, progress

    def save(self):
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "elapsed": self.elapsed,
                "width": self.args.width,
                "depth": self.args.depth,
            },
            self.args.out,
        )

    def run(self):
        decoder = Decoder()
        decoder.load_state_dict(torch.load(self.args.autoencoder)["decoder"])
        started, losses = time.monotonic() - self.elapsed, []
        gated = said = time.monotonic()
        while True:
            self.elapsed = time.monotonic() - started
            loss, progress = self.train_step(self.elapsed / self.args.seconds)
            losses.append(loss)
            if self.rank == 0 and time.monotonic() - said > 30:
                said = time.monotonic()
                print(f"{self.elapsed:.0f}s step {self.step} loss {np.mean(losses):.4f} pool {len(self.latents)}", flush=True)
                losses = []
            if self.rank == 0 and (time.monotonic() - gated > self.args.gate or progress >= 1):
                self.save()
                torch.set_num_threads(self.args.processes)
                print(f"{self.elapsed:.0f}s gate {gate(self.average, decoder, 3.0)}", flush=True)
                torch.set_num_threads(1)
                gated = time.monotonic()
            if self.step % 500 == 0:
                self.reload()
            if progress >= 1:
                return


def worker(rank, args):
    Trainer(rank, args).run()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--autoencoder", default="autoencoder.pt")
    args.add_argument("--pool", default="pool-*.npz")
    args.add_argument("--out", default="denoiser.pt", help="checkpoint; resumed if it exists")
    args.add_argument("--seconds", type=float, default=3600, help="training time, also the length of the schedule")
    args.add_argument("--decay", type=float, default=0.4, help="share of the time in which the rate falls")
    args.add_argument("--gate", type=float, default=480)
    args.add_argument("--processes", type=int, default=2)
    args.add_argument("--batch", type=int, default=8, help="clips a process")
    args.add_argument("--lr", type=float, default=1.5e-3)
    args.add_argument("--ema", type=float, default=0.998)
    args.add_argument("--width", type=int, default=96)
    args.add_argument("--depth", type=int, default=5)
    args.add_argument("--seed", type=int, default=3)
    args = args.parse_args()
    launch(worker, args)


if __name__ == "__main__":
    main()
