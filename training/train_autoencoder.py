"""Trains the autoencoder on single frames, then checks that the analyser still reads decoded clips."""

import argparse
import time

import torch
import torch.nn.functional as F

from data import analyse, stream
from model import LATENT, SIZE, Decoder, Encoder
from parallel import launch, share_gradients

LATENT_NOISE = 0.1  # makes nearby latents decode alike


def unit_range(frames):
    return frames.reshape(-1, 3, SIZE, SIZE).to(torch.float32) / 255


def check(encoder, decoder):
    encoder.eval(), decoder.eval()
    attributes, frames = next(stream(128, 900, "held-out", 128))
    with torch.no_grad():
        latents = torch.cat([encoder(unit_range(part)) for part in frames.split(32)])
        clips = torch.cat([decoder.clips(part) for part in latents.split(512)])
    encoder.train(), decoder.train()
    return analyse(attributes, clips), F.mse_loss(clips, frames / 255.0).item(), latents.std().item()


def save(encoder, decoder, path):
    torch.save({"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}, path)


def worker(rank, args):
    torch.manual_seed(args.seed)
    encoder, decoder = (m.to(memory_format=torch.channels_last) for m in (Encoder(), Decoder()))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    torch.manual_seed(args.seed * 100 + rank)
    start = said = time.monotonic()
    progress = 0.0
    for step, (_, frames) in enumerate(stream(10**7, args.seed * 100 + rank, "train", args.clips)):
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 100, max(0.02, (1 - progress) / 0.5))
        picks = torch.randint(0, 4, ()) + 4 * torch.arange(4)
        target = unit_range(frames[:, picks]).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents = encoder(target)
            output = decoder.unclamped(latents + LATENT_NOISE * torch.randn_like(latents))
        error = output - target
        loss = error.abs().mean() + 5 * error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        # Only rank 0 contributes its clock, so that all ranks follow one schedule.
        clock = (time.monotonic() - start) / args.seconds * args.processes if rank == 0 else 0.0
        finite, (loss, progress) = share_gradients(parameters, [loss.item(), clock])
        if finite:
            optimizer.step()
        if rank == 0 and (time.monotonic() - said > 60 or progress >= 1):
            said = time.monotonic()
            accuracy, mse, std = check(encoder, decoder)
            print(f"{said - start:.0f}s step {step} loss {loss:.4f} mse {mse:.6f} std {std:.2f} {accuracy}", flush=True)
            save(encoder, decoder, args.out)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", default="autoencoder.pt")
    args.add_argument("--seconds", type=float, default=300, help="training time, also the length of the schedule")
    args.add_argument("--processes", type=int, default=2)
    args.add_argument("--clips", type=int, default=8, help="clips a process; each gives four frames")
    args.add_argument("--lr", type=float, default=3e-3)
    args.add_argument("--seed", type=int, default=1)
    launch(worker, args.parse_args())


if __name__ == "__main__":
    main()
