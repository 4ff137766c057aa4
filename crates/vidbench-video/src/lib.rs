//! Containers and codecs: probe, decode, encode, frames
