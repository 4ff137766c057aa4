//! A record of what a cache is asked for. A policy is judged on such a record (`cargo xtask bench cache FILE`).
//!
//! One line for each request, in order. After a line `command`, `plan KEY` is what the command says beforehand that it
//! will ask for; `ask KEY` is a request; `make KEY BYTES SECS` is what was made because it was not there. A key is its
//! kind and the hash of what it depends on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use vidbench_core::hex;

use super::CacheKey;

/// A file that requests are added to.
#[derive(Debug)]
pub(super) struct Requests(Mutex<File>);

impl Requests {
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    pub(super) fn plan(&self, keys: &[CacheKey]) -> io::Result<()> {
        let lines: String = keys.iter().map(|key| format!("plan {}\n", text(key))).collect();
        self.add(&format!("command\n{lines}"))
    }

    pub(super) fn ask(&self, key: &CacheKey) -> io::Result<()> {
        self.add(&format!("ask {}\n", text(key)))
    }

    pub(super) fn make(&self, key: &CacheKey, bytes: u64, secs: f64) -> io::Result<()> {
        self.add(&format!("make {} {bytes} {secs}\n", text(key)))
    }

    fn add(&self, lines: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines.as_bytes())
    }
}

/// 64 bits of the hash keep the entries of a record apart.
fn text(key: &CacheKey) -> String {
    let name = hex(&key.name[..8]);
    format!("{}-{name}", key.kind.name())
}
