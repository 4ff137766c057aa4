//! How large a cache may be, as a person writes it.

use std::fmt;
use std::str::FromStr;

/// Units that are read; every one has one spelling, so that 10Mb, which is bits to some, is never taken for bytes.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Most bytes that a cache may hold, such as `10GB`, `512MiB` or `0` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheSize(pub u64);

impl CacheSize {
    /// The default size: enough for some thousand videos, or for the features of ten thousand.
    pub const DEFAULT: Self = Self(10_000_000_000);

    /// Nothing is kept.
    pub fn is_off(self) -> bool {
        self.0 == 0
    }
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a size{}", if *.too_large { ": it is too large" } else { "" })]
pub struct NotASize {
    text: String,
    too_large: bool,
}

impl NotASize {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "write a whole number and a unit, such as 10GB or 512MiB (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), or 0 for no cache"
    }
}

impl FromStr for CacheSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let error = |too_large| NotASize { text: text.chars().take(80).collect(), too_large };
        if text == "0" {
            return Ok(Self(0));
        }
        let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
        let (number, unit_bytes) = unit.ok_or_else(|| error(false))?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error(false));
        }
        // SQLite counts in signed numbers.
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_bytes));
        bytes.filter(|bytes| i64::try_from(*bytes).is_ok()).map(Self).ok_or_else(|| error(true))
    }
}

impl fmt::Display for CacheSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() {
            return f.write_str("0");
        }
        let whole = UNITS.iter().filter(|(_, bytes)| self.0.is_multiple_of(*bytes));
        // The largest unit that divides it, of which there is always one.
        let (unit, bytes) = whole.max_by_key(|(_, bytes)| *bytes).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_strictly() {
        let read = |text: &str| text.parse::<CacheSize>().map(|size| size.0);
        assert_eq!(read("10GB"), Ok(10_000_000_000));
        assert_eq!(read("512MiB"), Ok(512 << 20));
        assert_eq!((read("0"), read("0GB"), read("1B")), (Ok(0), Ok(0), Ok(1)));
        for wrong in
            ["", " ", "10", "10 GB", "10gb", "10Mb", "-1GB", "+1GB", "1.5GB", "GB", "1e3MB", "10GBB", "٣GB"]
        {
            let error = read(wrong).unwrap_err();
            assert!(!error.too_large && error.to_string().contains("is not a size"), "{wrong}: {error}");
            assert!(error.hint().contains("10GB"));
        }
        for large in ["99999999999999999999GB", "9223372036855TB", "8388608TiB"] {
            assert!(read(large).unwrap_err().to_string().ends_with("too large"), "{large}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(bytes in 0..=i64::MAX as u64) {
            prop_assert_eq!(CacheSize(bytes).to_string().parse(), Ok(CacheSize(bytes)));
        }
    }
}
