//! Benchmark video diffusion models: quality, speed, memory, in one run
