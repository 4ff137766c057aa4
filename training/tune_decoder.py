"""Trains the decoder further with the encoder frozen: the latents, and so the denoiser, stay as they are."""

import argparse
import time

import torch

from data import stream
from encode_pool import load_encoder
from model import Decoder
from train_autoencoder import LATENT_NOISE, check, save, unit_range


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--autoencoder", default="autoencoder.pt", help="read and replaced")
    args.add_argument("--steps", type=int, default=1500)
    args.add_argument("--lr", type=float, default=2e-3)
    args.add_argument("--seed", type=int, default=4)
    args = args.parse_args()
    torch.manual_seed(args.seed)
    encoder = load_encoder(args.autoencoder)
    decoder = Decoder().to(memory_format=torch.channels_last)
    decoder.load_state_dict(torch.load(args.autoencoder)["decoder"])
    parameters = list(decoder.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    start = time.monotonic()
    for step, (_, frames) in enumerate(stream(16 * args.steps, args.seed, "train", 16), 1):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, step / 50, max(0.02, (1 - step / args.steps) / 0.6))
        picks = torch.randint(0, 8, ()) + 8 * torch.arange(2)
        target = unit_range(frames[:, picks]).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = encoder(target)
            output = decoder.frames(latents + LATENT_NOISE * torch.randn_like(latents))
        error = output - target
        loss = error.abs().mean() + 5 * error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0)):
            optimizer.step()
        if step % 250 == 0:
            accuracy, mse, _ = check(encoder, decoder)
            encoder.eval()
            print(f"{time.monotonic() - start:.0f}s step {step} loss {loss.item():.4f} mse {mse:.6f} {accuracy}", flush=True)
            save(encoder, decoder, args.autoencoder)


if __name__ == "__main__":
    main()
