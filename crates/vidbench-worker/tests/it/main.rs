//! The serve loop, driven with lines in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bars;
mod embedded;
mod mean_net;
mod reference;
mod scorer;
mod serve;
mod shipped_classifier;
