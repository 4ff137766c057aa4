//! Turns the bytes of an array of floats into values, and chooses one array among several.

use half::{bf16, f16};

use super::matrix::Values;
use super::{FeatureFileError, FeatureMatrix};

/// A kind of float in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Float {
    F16,
    BF16,
    F32,
    F64,
}

impl Float {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// How an array is laid out in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) float: Float,
    pub(crate) big_endian: bool,
    /// The first index runs fastest.
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<u64>,
}

impl Layout {
    /// Rows and columns.
    pub(crate) fn matrix_shape(&self, array: &str) -> Result<(usize, usize), FeatureFileError> {
        let wrong = || FeatureFileError::Shape { array: array.to_owned(), shape: shape_text(&self.shape) };
        let [rows, dims] = self.shape.as_slice() else { return Err(wrong()) };
        let (rows, dims) = usize::try_from(*rows).ok().zip(usize::try_from(*dims).ok()).ok_or_else(wrong)?;
        if rows == 0 || dims == 0 { Err(wrong()) } else { Ok((rows, dims)) }
    }

    /// Bytes of a matrix of this shape; `None` beyond 2^64.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let values = self.shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length));
        values?.checked_mul(self.float.bytes() as u64)
    }
}

/// The matrix in `bytes`, which hold it and nothing else.
pub(crate) fn matrix(layout: &Layout, bytes: &[u8], array: &str) -> Result<FeatureMatrix, FeatureFileError> {
    let (rows, dims) = layout.matrix_shape(array)?;
    if layout.bytes() != Some(bytes.len() as u64) {
        let wanted = layout.bytes().map_or("more than 2^64".to_owned(), |bytes| bytes.to_string());
        return Err(FeatureFileError::Length { array: array.to_owned(), found: bytes.len(), wanted });
    }
    let values = match layout.float {
        Float::F16 => Values::F32(numbers(bytes, layout.big_endian, |b| f16::from_le_bytes(b).to_f32())),
        Float::BF16 => Values::F32(numbers(bytes, layout.big_endian, |b| bf16::from_le_bytes(b).to_f32())),
        Float::F32 => Values::F32(numbers(bytes, layout.big_endian, f32::from_le_bytes)),
        Float::F64 => Values::F64(numbers(bytes, layout.big_endian, f64::from_le_bytes)),
    };
    let values = if layout.fortran { values.transposed(rows) } else { values };
    FeatureMatrix::new(rows, dims, values)
        .map_err(|error| FeatureFileError::from_features(error, array.to_owned()))
}

fn numbers<const B: usize, T>(bytes: &[u8], big_endian: bool, number: impl Fn([u8; B]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<B>();
    let little = chunks.iter().map(|chunk| {
        let mut chunk = *chunk;
        if big_endian {
            chunk.reverse();
        }
        number(chunk)
    });
    little.collect()
}

impl Values {
    /// Column after column to row after row.
    fn transposed(self, rows: usize) -> Self {
        match self {
            Self::F32(values) => Self::F32(transposed(&values, rows)),
            Self::F64(values) => Self::F64(transposed(&values, rows)),
        }
    }
}

fn transposed<T: Copy>(columns: &[T], rows: usize) -> Vec<T> {
    (0..rows).flat_map(|row| columns.iter().skip(row).step_by(rows).copied()).collect()
}

/// `(3, 4)`, as Python writes it.
pub(crate) fn shape_text(shape: &[u64]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// The array of that name; without a name, the only array that is a matrix. `arrays` are names with shapes.
pub(crate) fn choose(arrays: &[(String, Vec<u64>)], name: Option<&str>) -> Result<String, FeatureFileError> {
    if let Some(name) = name {
        let found = arrays.iter().find(|(known, _)| known == name);
        return found.map(|(known, _)| known.clone()).ok_or_else(|| FeatureFileError::NoSuchArray {
            array: name.to_owned(),
            arrays: listing(arrays),
        });
    }
    let mut matrices = arrays.iter().filter(|(_, shape)| shape.len() == 2);
    match (matrices.next(), matrices.next()) {
        (Some((only, _)), None) => Ok(only.clone()),
        (None, _) => Err(FeatureFileError::NoMatrix { arrays: listing(arrays) }),
        (Some(_), Some(_)) => Err(FeatureFileError::SeveralMatrices { arrays: listing(arrays) }),
    }
}

/// Names with shapes. Only the first few of many are listed, because a hostile file can have any number.
fn listing(arrays: &[(String, Vec<u64>)]) -> String {
    const SHOWN: usize = 20;
    if arrays.is_empty() {
        return "none".into();
    }
    let shown = arrays.iter().take(SHOWN).map(|(name, shape)| format!("{name:?} {}", shape_text(shape)));
    let more = arrays.len().checked_sub(SHOWN + 1).map(|more| format!("and {} more", more + 1));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_in_python() {
        assert_eq!(shape_text(&[]), "()");
        assert_eq!(shape_text(&[7]), "(7,)");
        assert_eq!(shape_text(&[7, 8]), "(7, 8)");
    }

    #[test]
    fn many_arrays_are_not_all_listed() {
        let arrays: Vec<_> = (0..30).map(|i| (format!("a{i}"), vec![1, 2])).collect();
        assert!(listing(&arrays).ends_with("\"a19\" (1, 2), and 10 more"));
    }
}
