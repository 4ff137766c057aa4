//! What entries of the cache are called.

use sha2::{Digest as _, Sha256};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CacheKind {
    /// Videos of samples whose runs were removed.
    Samples,
    /// What a net saw of a clip.
    Features,
    /// Features of a text.
    Texts,
}

impl CacheKind {
    /// Every kind, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Samples, Self::Features, Self::Texts];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Features => "features",
            Self::Texts => "texts",
        }
    }
}

/// The name of an entry: the hash of everything that its content depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey {
    pub(super) kind: CacheKind,
    pub(super) name: [u8; 32],
}

impl CacheKey {
    /// The key of what depends on these parts and on nothing else.
    pub fn new(kind: CacheKind, parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in [kind.name()].iter().chain(parts) {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self { kind, name: hasher.finalize().into() }
    }

    /// What it is.
    pub fn kind(&self) -> CacheKind {
        self.kind
    }
}
