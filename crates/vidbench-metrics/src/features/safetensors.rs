//! `.safetensors` files.

use ::safetensors::{Dtype, SafeTensors};

use super::decode::{self, Float, Layout};
use super::{FeatureFileError, FeatureMatrix};

pub(crate) fn read(bytes: &[u8], name: Option<&str>) -> Result<FeatureMatrix, FeatureFileError> {
    let damaged = |reason: String| FeatureFileError::Damaged { format: "safetensors", reason };
    if has_offset_beyond_memory(bytes) {
        return Err(damaged("an offset is out of range".into()));
    }
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
    let shape = |shape: &[usize]| shape.iter().map(|&length| length as u64).collect::<Vec<_>>();
    let mut arrays: Vec<_> =
        file.iter().map(|(name, tensor)| (name.to_owned(), shape(tensor.shape()))).collect();
    arrays.sort();
    let name = decode::choose(&arrays, name)?;
    let tensor = file.tensor(&name).map_err(|error| damaged(error.to_string()))?;
    let float = float(tensor.dtype(), &name)?;
    let layout = Layout { float, big_endian: false, fortran: false, shape: shape(tensor.shape()) };
    decode::matrix(&layout, tensor.data(), &name)
}

fn float(dtype: Dtype, array: &str) -> Result<Float, FeatureFileError> {
    match dtype {
        Dtype::F16 => Ok(Float::F16),
        Dtype::BF16 => Ok(Float::BF16),
        Dtype::F32 => Ok(Float::F32),
        Dtype::F64 => Ok(Float::F64),
        // The crate's list of types may grow.
        other => Err(FeatureFileError::NotFloat { array: array.to_owned(), dtype: format!("{other:?}") }),
    }
}

/// Whether the header has a list of numbers whose last one has 20 digits or more. The parser adds the length of the
/// header to the last offset without a check, and only numbers near 2^64 can overflow there.
fn has_offset_beyond_memory(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    let header = bytes.iter().skip(8).take(usize::try_from(length).unwrap_or(usize::MAX));
    let mut digits = 0_usize;
    for byte in header {
        match byte {
            b'0'..=b'9' => digits += 1,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b']' if digits >= 20 => return true,
            _ => digits = 0,
        }
    }
    false
}
