"""Trains the denoiser on stored latents: rectified flow, estimate of the clean latent, classifier-free guidance.

Each process runs on one thread; gradients are averaged over processes. The gate after every `--gate` steps samples
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

SHIFT = 6.0  # of the noise levels, in training and in sampling
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


def gate(model, decoder, guidance, count=64, steps=16):
    """Accuracy of the analyser on samples of held-out combinations."""
    combinations = json.load(open(os.path.join(os.path.dirname(__file__), "held_out.json")))
    generator = torch.Generator().manual_seed(5)
    attributes = torch.tensor([combinations[i % len(combinations)] for i in range(count)])
    clips = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for part in attributes.split(32):
            noise = torch.randn((len(part), *LATENT), generator=generator)
            clips.append(decoder.clips(sample(model, part, noise, steps, guidance, SHIFT)))
    return analyse(attributes, torch.cat(clips))


class Trainer:
    def __init__(self, rank, args):
        self.rank, self.args = rank, args
        torch.manual_seed(args.seed)
        self.model = Denoiser()
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        self.step, self.first = 0, 0  # all steps so far, and those before this schedule
        source = args.out if os.path.exists(args.out) else args.init
        if source:
            state = torch.load(source)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            self.first = state["first"] if source == args.out else self.step
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

    def train_step(self):
        """One update; returns the mean loss over processes."""
        latents, attributes = self.batch()
        loss = flow_loss(self.model, latents, attributes, self.generator)
        self.optimizer.zero_grad()
        loss.backward()
        finite, (loss,) = share_gradients(self.parameters, [loss.item()])
        if finite:
            done = self.step - self.first
            decay = min(1.0, (1 - done / self.args.steps) / self.args.decay)
            for group in self.optimizer.param_groups:
                group["lr"] = self.args.lr * min(1.0, (done + 1) / 200) * max(0.01, decay)
            self.optimizer.step()
            keep = min(self.args.ema, (self.step + 1) / (self.step + 10))
            torch._foreach_lerp_(list(self.average.parameters()), self.parameters, 1 - keep)
        self.step += 1
        return loss

    def save(self):
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "first": self.first,
            },
            self.args.out,
        )

    def run(self):
        decoder = Decoder()
        decoder.load_state_dict(torch.load(self.args.autoencoder)["decoder"])
        started, losses = time.monotonic(), []
        while self.step < self.first + self.args.steps:
            losses.append(self.train_step())
            if self.rank == 0 and self.step % 100 == 0:
                seconds = time.monotonic() - started
                print(f"{seconds:.0f}s step {self.step} loss {np.mean(losses):.4f} pool {len(self.latents)}", flush=True)
                losses = []
            if self.rank == 0 and self.step % 250 == 0:
                self.save()
            if self.step % 500 == 0:
                self.reload()
            if self.rank == 0 and self.step % self.args.gate == 0:
                print(f"step {self.step} gate {gate(self.average, decoder, 2.0)}", flush=True)
        if self.rank == 0:
            self.save()


def worker(rank, args):
    Trainer(rank, args).run()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--autoencoder", default="autoencoder.pt")
    args.add_argument("--pool", default="pool-*.npz")
    args.add_argument("--out", default="denoiser.pt", help="checkpoint; resumed if it exists")
    args.add_argument("--init", help="checkpoint to start a new schedule from")
    args.add_argument("--steps", type=int, default=12000)
    args.add_argument("--decay", type=float, default=0.5, help="share of the steps in which the rate falls")
    args.add_argument("--gate", type=int, default=1500)
    args.add_argument("--processes", type=int, default=2)
    args.add_argument("--batch", type=int, default=8, help="clips a process")
    args.add_argument("--lr", type=float, default=1.5e-3)
    args.add_argument("--ema", type=float, default=0.998)
    args.add_argument("--seed", type=int, default=3)
    args = args.parse_args()
    launch(worker, args)


if __name__ == "__main__":
    main()
