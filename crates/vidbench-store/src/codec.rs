//! Between our types and what SQLite keeps. Every conversion is exact or an error.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use vidbench_core::{MetricId, SampleId, Score, Series, hex};

use crate::{Result, StoreError};

/// SQLite keeps signed integers only.
pub(crate) fn to_i64(what: &str, value: u64) -> Result<i64> {
    i64::try_from(value)
        .map_err(|_| StoreError::unstorable(what, &format!("{value} is more than {}", i64::MAX)))
}

pub(crate) fn from_i64<T: TryFrom<i64>>(what: &'static str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| StoreError::corrupt(what, &format!("{value} is out of range")))
}

/// SQLite would turn NaN into NULL, JSON any number that is not finite.
pub(crate) fn finite(what: &str, value: f64) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(StoreError::unstorable(what, &format!("{value} is not finite")))
    }
}

/// JSON that has been read back and found equal: a record that cannot be read again is never written.
pub(crate) fn to_json<T: Serialize + DeserializeOwned + PartialEq>(what: &str, value: &T) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|error| StoreError::unstorable(what, &error))?;
    match serde_json::from_str::<T>(&text) {
        Ok(again) if again == *value => Ok(text),
        Ok(_) => Err(StoreError::unstorable(what, &"it cannot be represented in JSON")),
        Err(error) => Err(StoreError::unstorable(what, &error)),
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(what, &error))
}

pub(crate) fn sample_id(bytes: &[u8]) -> Result<SampleId> {
    bytes
        .try_into()
        .map(SampleId)
        .map_err(|_| StoreError::corrupt("sample id", &format!("{} bytes", bytes.len())))
}

/// The value column and the reason column of a score; exactly one is set.
pub(crate) fn score_columns<'a>(
    metric: &MetricId,
    score: &'a Score,
) -> Result<(Option<f64>, Option<&'a str>)> {
    match score {
        Score::Value(value) => Ok((Some(finite(metric.as_str(), *value)?), None)),
        Score::NotAvailable { reason } => Ok((None, Some(reason))),
    }
}

pub(crate) fn score(value: Option<f64>, reason: Option<String>) -> Result<Score> {
    match (value, reason) {
        (Some(value), None) => Ok(Score::Value(value)),
        (None, Some(reason)) => Ok(Score::NotAvailable { reason }),
        (Some(_), Some(_)) | (None, None) => {
            Err(StoreError::corrupt("score", "not exactly one of value and reason"))
        }
    }
}

/// The first frame as 32 bits, then the values; all with the least significant byte first.
pub(crate) fn series_to_bytes(metric: &MetricId, series: Option<&Series>) -> Result<Option<Vec<u8>>> {
    let Some(Series { first_frame, values }) = series else { return Ok(None) };
    let values = f32s_to_bytes(metric.as_str(), values)?;
    Ok(Some([&first_frame.to_le_bytes()[..], &values].concat()))
}

pub(crate) fn series_from_bytes(bytes: Option<&[u8]>) -> Result<Option<Series>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let short = || StoreError::corrupt("series", &format!("{} bytes", bytes.len()));
    let (first, values) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    Ok(Some(Series { first_frame: u32::from_le_bytes(*first), values: f32s_from_bytes(values)? }))
}

/// Least significant byte first, whatever the machine.
pub(crate) fn f32s_to_bytes(what: &str, values: &[f32]) -> Result<Vec<u8>> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(StoreError::unstorable(what, &format!("{value} is not finite")));
    }
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(crate) fn f32s_from_bytes(bytes: &[u8]) -> Result<Vec<f32>> {
    let (words, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    } else {
        Err(StoreError::corrupt("feature vector", &format!("{} bytes", bytes.len())))
    }
}

/// A SHA-256, kept as its 32 bytes and shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sha256Hash(pub(crate) [u8; 32]);

impl Sha256Hash {
    pub(crate) fn of(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// Only lower case: one content has one name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let error = || StoreError::BadHash { text: text.chars().take(80).collect() };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(|_| error())?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (digit(pair[0]), digit(pair[1]));
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(error)?;
        }
        if rest.is_empty() { Ok(Self(bytes)) } else { Err(error()) }
    }

    pub(crate) fn from_column(bytes: &[u8]) -> Result<Self> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| StoreError::corrupt("artifact hash", &format!("{} bytes", bytes.len())))
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.0)
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _not_a_digit => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_one_spelling() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(Sha256Hash::parse(&text).unwrap().hex(), text);
        for bad in [text.to_uppercase(), format!("{text}0"), "../x".into(), "é".repeat(32), text[1..].into()]
        {
            assert!(matches!(Sha256Hash::parse(&bad), Err(StoreError::BadHash { .. })), "{bad}");
        }
    }

    #[test]
    fn floats_that_are_not_finite_are_refused() {
        assert!(finite("x", f64::NAN).is_err() && finite("x", f64::INFINITY).is_err());
        assert!(f32s_to_bytes("x", &[0.0, f32::NEG_INFINITY]).is_err());
        assert!(to_json("x", &f64::NAN).is_err());
    }

    #[test]
    fn feature_bytes_are_little_endian() {
        assert_eq!(f32s_to_bytes("x", &[1.0]).unwrap(), [0, 0, 0x80, 0x3f]);
        assert!(f32s_from_bytes(&[0; 7]).is_err());
    }

    #[test]
    fn whole_numbers_beyond_sqlite_are_refused() {
        assert!(to_i64("x", u64::MAX).is_err());
        assert!(from_i64::<u64>("x", -1).is_err());
    }
}
