//! `.npy` files: NumPy's header and then the values.

pub(crate) use vidbench_nn::npy::MAX_BEFORE_DATA;
use vidbench_nn::npy::{self, Descr};

use super::decode::{self, Float, Layout};
use super::{FeatureFileError, FeatureMatrix};

pub(crate) fn read(bytes: &[u8]) -> Result<FeatureMatrix, FeatureFileError> {
    let (layout, data) = header(bytes, "in the file")?;
    let data = bytes.get(data..).unwrap_or_default();
    decode::matrix(&layout, data, "in the file")
}

/// The layout of the array and where its data begins. `bytes` are the first bytes of the file: all, or
/// [`MAX_BEFORE_DATA`].
pub(crate) fn header(bytes: &[u8], array: &str) -> Result<(Layout, usize), FeatureFileError> {
    let (header, data) = npy::header(bytes).map_err(damaged)?;
    let (float, big_endian) = float(&header.descr, array)?;
    Ok((Layout { float, big_endian, fortran: header.fortran, shape: header.shape }, data))
}

/// The shape alone, of an array of any type.
pub(crate) fn shape(bytes: &[u8]) -> Option<Vec<u64>> {
    Some(npy::header(bytes).ok()?.0.shape)
}

fn damaged(reason: String) -> FeatureFileError {
    FeatureFileError::Damaged { format: "npy", reason }
}

fn float(descr: &Descr, array: &str) -> Result<(Float, bool), FeatureFileError> {
    let not_float =
        |dtype: &str| FeatureFileError::NotFloat { array: array.to_owned(), dtype: dtype.to_owned() };
    let Descr::Plain(descr) = descr else { return Err(not_float("a structure")) };
    match descr.as_str() {
        "<f2" => Ok((Float::F16, false)),
        ">f2" => Ok((Float::F16, true)),
        "<f4" => Ok((Float::F32, false)),
        ">f4" => Ok((Float::F32, true)),
        "<f8" => Ok((Float::F64, false)),
        ">f8" => Ok((Float::F64, true)),
        object if object.trim_start_matches('|').starts_with('O') => {
            Err(FeatureFileError::Pickled { array: array.to_owned() })
        }
        other => Err(not_float(other)),
    }
}
