//! Inference runtimes and weights: sessions, safetensors, weight hashes
