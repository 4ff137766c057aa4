"""Trains the decoder further with the encoder frozen: the latents, and so the denoiser, stay as they are.

With a denoiser, the decoder sees latents that were noised and restored, as sampling gives them, and learns to draw clean
shapes from them.
"""

import argparse
import time

import torch

from data import stream
from encode_pool import load_encoder
from model import LATENT, Decoder, Denoiser
from train_autoencoder import LATENT_NOISE, check, save, unit_range


MOST_NOISE = 0.4  # above it the restored clip is another clip than the one to draw


def noised(latents):
    return latents + LATENT_NOISE * torch.randn_like(latents)


def restored(denoiser, latents, attributes):
    clean = latents.reshape(-1, *LATENT)
    s = MOST_NOISE * torch.rand(len(clean)).clamp(min=0.02)
    level = s.view(-1, 1, 1, 1, 1)
    z = (1 - level) * clean + level * torch.randn_like(clean)
    return denoiser(z, s, attributes).reshape(latents.shape)


def load_denoiser(path):
    denoiser = Denoiser()
    denoiser.load_state_dict(torch.load(path)["average"])
    return denoiser.eval()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--autoencoder", default="autoencoder.pt")
    args.add_argument("--out", default="autoencoder.pt")
    args.add_argument("--denoiser", help="checkpoint that restores the latents")
    args.add_argument("--steps", type=int, default=1500)
    args.add_argument("--lr", type=float, default=2e-3)
    args.add_argument("--seed", type=int, default=4)
    args = args.parse_args()
    torch.manual_seed(args.seed)
    encoder = load_encoder(args.autoencoder)
    denoiser = load_denoiser(args.denoiser) if args.denoiser else None
    decoder = Decoder().to(memory_format=torch.channels_last)
    decoder.load_state_dict(torch.load(args.autoencoder)["decoder"])
    parameters = list(decoder.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    start = time.monotonic()
    for step, (attributes, frames) in enumerate(stream(8 * args.steps, args.seed, "train", 8), 1):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, step / 50, max(0.02, (1 - step / args.steps) / 0.6))
        pixels = unit_range(frames).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = encoder(pixels)
                latents = restored(denoiser, latents, attributes) if denoiser else noised(latents)
            picks = torch.randperm(len(pixels))[:32]
            output = decoder.unclamped(latents[picks].to(memory_format=torch.channels_last))
            target = pixels[picks]
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
            save(encoder, decoder, args.out)


if __name__ == "__main__":
    main()
