"""Trains the classifier whose 64 features carry the Frechet distance; it must know every attribute of real clips."""

import argparse
import time

import torch
import torch.nn.functional as F

from data import stream
from model import NAMES, Classifier


def damaged(clips):
    """Noise and blur, as codecs and imperfect samples have them; half of the clips stay clean."""
    strength = torch.rand(len(clips), 1, 1, 1, 1) * (torch.rand(len(clips), 1, 1, 1, 1) < 0.5)
    clips = (clips + 0.06 * strength * torch.randn_like(clips)).clamp(0, 1)
    if torch.rand(()) < 0.3:
        clips = F.avg_pool2d(clips.flatten(0, 1), 3, stride=1, padding=1, count_include_pad=False).view_as(clips)
    return clips


def accuracy(model, count, seed, split):
    hits = torch.zeros(len(NAMES))
    with torch.no_grad():
        for attributes, frames in stream(count, seed, split, 64):
            _, *logits = model(frames / 255.0)
            hits += torch.tensor([(l.argmax(1) == attributes[:, i]).sum() for i, l in enumerate(logits)])
    return {name: round(hit.item() / count, 4) for name, hit in zip(NAMES, hits)}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", default="classifier.pt")
    args.add_argument("--init", help="weights to start from")
    args.add_argument("--steps", type=int, default=3000)
    args.add_argument("--seed", type=int, default=2)
    args = args.parse_args()
    torch.manual_seed(args.seed)
    model = Classifier().to(memory_format=torch.channels_last)
    if args.init:
        model.load_state_dict(torch.load(args.init))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    start = said = time.monotonic()
    for step, (attributes, frames) in enumerate(stream(32 * args.steps, args.seed, "train", 32)):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, step / 100, max(0.02, (1 - step / args.steps) / 0.5))
        clips = damaged(frames / 255.0)
        with torch.autocast("cpu", torch.bfloat16):
            _, *logits = model(clips)
        loss = sum(F.cross_entropy(l.float(), attributes[:, i]) for i, l in enumerate(logits))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"{said - start:.0f}s step {step} loss {loss.item():.4f}", flush=True)
    torch.save(model.state_dict(), args.out)
    print("parameters", sum(p.numel() for p in model.parameters()))
    print("held-out", accuracy(model, 2048, 901, "held-out"), "all", accuracy(model, 4096, 902, "all"))


if __name__ == "__main__":
    main()
