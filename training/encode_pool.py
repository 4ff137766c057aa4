"""Renders clips and stores their latents, so that the denoiser never runs the encoder."""

import argparse

import numpy as np
import torch

from data import stream
from model import LATENT, Encoder
from train_autoencoder import unit_range


def load_encoder(path):
    encoder = Encoder().to(memory_format=torch.channels_last)
    encoder.load_state_dict(torch.load(path)["encoder"])
    return encoder.eval()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--autoencoder", default="autoencoder.pt")
    args.add_argument("--out", default="pool-1.npz")
    args.add_argument("--count", type=int, default=8000)
    args.add_argument("--seed", type=int, default=1001)
    args.add_argument("--split", default="train")
    args = args.parse_args()
    encoder = load_encoder(args.autoencoder)
    attributes, latents = [], []
    for values, frames in stream(args.count, args.seed, args.split, 16):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            latent = encoder(unit_range(frames).to(memory_format=torch.channels_last))
        attributes.append(values.numpy().astype(np.uint8))
        latents.append(latent.reshape(-1, *LATENT).numpy().astype(np.float16))
    np.savez(args.out, attributes=np.concatenate(attributes), latents=np.concatenate(latents))


if __name__ == "__main__":
    main()
