//! Dense tensors as plain data, so that no runtime's type crosses the crate's border.

use std::fmt;

use crate::error::NnError;

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 64-bit signed integer.
    I64,
}

impl DType {
    /// The name used in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
        }
    }
}

/// A row-major tensor whose data fills its shape.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Data {
    F32(Vec<f32>),
    I64(Vec<i64>),
}

impl Tensor {
    /// Takes ownership of floats that fill `shape`.
    ///
    /// # Errors
    ///
    /// [`NnError::Elements`].
    pub fn f32(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Self, NnError> {
        let shape = filled(shape.into(), data.len())?;
        Ok(Self { shape, data: Data::F32(data) })
    }

    /// Takes ownership of integers that fill `shape`.
    ///
    /// # Errors
    ///
    /// [`NnError::Elements`].
    pub fn i64(shape: impl Into<Vec<usize>>, data: Vec<i64>) -> Result<Self, NnError> {
        let shape = filled(shape.into(), data.len())?;
        Ok(Self { shape, data: Data::I64(data) })
    }

    /// Extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        match self.data {
            Data::F32(_) => DType::F32,
            Data::I64(_) => DType::I64,
        }
    }

    /// The floats, row-major.
    ///
    /// # Errors
    ///
    /// [`NnError::DType`] if the tensor holds integers.
    pub fn as_f32(&self) -> Result<&[f32], NnError> {
        match &self.data {
            Data::F32(data) => Ok(data),
            Data::I64(_) => Err(wrong(DType::F32, DType::I64)),
        }
    }

    /// The integers, row-major.
    ///
    /// # Errors
    ///
    /// [`NnError::DType`] if the tensor holds floats.
    pub fn as_i64(&self) -> Result<&[i64], NnError> {
        match &self.data {
            Data::I64(data) => Ok(data),
            Data::F32(_) => Err(wrong(DType::I64, DType::F32)),
        }
    }

    pub(crate) fn data(&self) -> &Data {
        &self.data
    }

    /// Type and shape for errors: `f32 [2, 3]`.
    pub(crate) fn describe(&self) -> String {
        describe(self.dtype(), &self.shape)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({})", self.describe())
    }
}

pub(crate) fn describe(dtype: DType, shape: &[usize]) -> String {
    format!("{} {shape:?}", dtype.name())
}

fn filled(shape: Vec<usize>, len: usize) -> Result<Vec<usize>, NnError> {
    // Checked: a product that wraps around could equal the length of far fewer elements.
    let wanted = shape.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent));
    if wanted == Some(len) { Ok(shape) } else { Err(NnError::Elements { len, shape }) }
}

fn wrong(wanted: DType, found: DType) -> NnError {
    NnError::DType { wanted: wanted.name(), found: found.name() }
}
