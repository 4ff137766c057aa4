//! The serve loop, driven with lines in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod embedded;
mod serve;
