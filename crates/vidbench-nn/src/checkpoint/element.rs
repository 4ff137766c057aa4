//! How a number of a tensor is written.

use std::fmt;

use half::{bf16, f16};

/// How each number of a tensor is written, least significant byte first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementType {
    /// 16 bits: IEEE 754.
    F16,
    /// 16 bits: the upper half of an [`ElementType::F32`].
    Bf16,
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
    /// Integers, booleans and every other type that weights do not have.
    Other(String),
}

impl ElementType {
    pub(super) fn of_pytorch(dtype: pytorch_reader::DType) -> Self {
        match dtype {
            pytorch_reader::DType::F16 => Self::F16,
            pytorch_reader::DType::BF16 => Self::Bf16,
            pytorch_reader::DType::F32 => Self::F32,
            pytorch_reader::DType::F64 => Self::F64,
            other => Self::Other(format!("{other:?}")),
        }
    }

    pub(super) fn of_safetensors(dtype: safetensors::Dtype) -> Self {
        match dtype {
            safetensors::Dtype::F16 => Self::F16,
            safetensors::Dtype::BF16 => Self::Bf16,
            safetensors::Dtype::F32 => Self::F32,
            safetensors::Dtype::F64 => Self::F64,
            other => Self::Other(format!("{other:?}")),
        }
    }

    /// Whether the numbers are floats, as weights are.
    pub fn is_float(&self) -> bool {
        self.bytes().is_some()
    }

    /// Bytes of one number; `None` for types that are not floats.
    pub(super) fn bytes(&self) -> Option<usize> {
        match self {
            Self::F16 | Self::Bf16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Other(_) => None,
        }
    }

    /// Floats as 32-bit floats; empty for other types.
    pub(super) fn to_f32(&self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => chunks(bytes).map(|chunk| f16::from_le_bytes(chunk).to_f32()).collect(),
            Self::Bf16 => chunks(bytes).map(|chunk| bf16::from_le_bytes(chunk).to_f32()).collect(),
            Self::F32 => chunks(bytes).map(f32::from_le_bytes).collect(),
            Self::F64 => chunks(bytes).map(|chunk| f64::from_le_bytes(chunk) as f32).collect(),
            Self::Other(_) => Vec::new(),
        }
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F16 => f.write_str("F16"),
            Self::Bf16 => f.write_str("BF16"),
            Self::F32 => f.write_str("F32"),
            Self::F64 => f.write_str("F64"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_becomes_the_same_number() {
        let value = -1.5_f32;
        assert_eq!(ElementType::F16.to_f32(&f16::from_f32(value).to_le_bytes()), [value]);
        assert_eq!(ElementType::Bf16.to_f32(&bf16::from_f32(value).to_le_bytes()), [value]);
        assert_eq!(ElementType::F32.to_f32(&value.to_le_bytes()), [value]);
        assert_eq!(ElementType::F64.to_f32(&f64::from(value).to_le_bytes()), [value]);
        let whole = ElementType::of_pytorch(pytorch_reader::DType::I64);
        assert_eq!((whole.is_float(), whole.to_string()), (false, "I64".into()));
    }
}
