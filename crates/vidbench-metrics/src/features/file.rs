//! Files of features, as bytes: which formats there are, and what can be wrong with one.

use super::{FeatureError, FeatureMatrix, npy, npz, safetensors};

/// Largest array that is taken out of a file: 2 GiB, twice what 65,536 clips of 2,048 dimensions need in 64 bits.
pub const MAX_ARRAY_BYTES: u64 = 1 << 31;

/// A format of feature files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureFormat {
    /// One array of NumPy: versions 1 to 3, `f2`, `f4` or `f8` of either byte order, C or Fortran order.
    Npy,
    /// A zip archive of such arrays, stored or deflated.
    Npz,
    /// Tensors of F16, BF16, F32 or F64.
    Safetensors,
}

impl FeatureFormat {
    /// The format that files with this extension have, in either case; `None` for any other.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let formats = [("npy", Self::Npy), ("npz", Self::Npz), ("safetensors", Self::Safetensors)];
        formats.into_iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map(|(_, format)| format)
    }

    /// Whether arrays in such a file have names.
    pub fn has_names(self) -> bool {
        match self {
            Self::Npy => false,
            Self::Npz | Self::Safetensors => true,
        }
    }
}

/// A file of features cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureFileError {
    /// The file is not of its format, or is damaged.
    #[error("not a valid {format} file: {reason}")]
    Damaged {
        /// The format, as its extension.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An array of Python objects, which reading would have to execute.
    #[error("array {array} holds pickled objects, which are never read")]
    Pickled {
        /// Its name.
        array: String,
    },
    /// An array of something else than floats.
    #[error("array {array} has type {dtype}; only 16, 32 and 64-bit floats are supported")]
    NotFloat {
        /// Its name.
        array: String,
        /// Its type, as the file names it.
        dtype: String,
    },
    /// An array that is no matrix, or an empty one.
    #[error(
        "array {array} has shape {shape}; expected a matrix with a row per clip and a column per feature"
    )]
    Shape {
        /// Its name.
        array: String,
        /// Its shape, as Python writes it.
        shape: String,
    },
    /// The data is shorter or longer than the shape says.
    #[error("array {array} has {found} bytes of data, but its shape and type need {wanted}")]
    Length {
        /// Its name.
        array: String,
        /// Bytes there are; of an archive no more than one beyond what is needed is looked at.
        found: usize,
        /// Bytes that are needed.
        wanted: String,
    },
    /// An array beyond [`MAX_ARRAY_BYTES`].
    #[error("array {array} has {bytes} bytes, the limit is {MAX_ARRAY_BYTES}")]
    TooLarge {
        /// Its name.
        array: String,
        /// What the header claims.
        bytes: String,
    },
    /// The file has no array of the name asked for.
    #[error("there is no array {array:?}; the arrays are {arrays}")]
    NoSuchArray {
        /// The name asked for.
        array: String,
        /// Names and shapes of what is there.
        arrays: String,
    },
    /// No name was asked for and no array is a matrix.
    #[error("no array is a matrix; the arrays are {arrays}")]
    NoMatrix {
        /// Names and shapes of what is there.
        arrays: String,
    },
    /// No name was asked for and several arrays are matrices.
    #[error("several arrays are matrices: {arrays}")]
    SeveralMatrices {
        /// Names and shapes of what is there.
        arrays: String,
    },
    /// A value is infinite or not a number.
    #[error("array {array} has {value} at row {row}, column {column} (counted from 0)")]
    NotFinite {
        /// Its name.
        array: String,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The value, as text.
        value: String,
    },
    /// The matrix cannot be used.
    #[error("array {array}: {source}")]
    Features {
        /// Its name.
        array: String,
        /// Why.
        source: FeatureError,
    },
}

impl FeatureFileError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<&'static str> {
        match self {
            Self::SeveralMatrices { .. } | Self::NoSuchArray { .. } => {
                vec!["name one of the arrays"]
            }
            Self::Pickled { .. } => vec!["save the features as an array of float32"],
            Self::NotFloat { .. } => vec!["convert the features to float32 before saving them"],
            Self::Shape { .. } | Self::NoMatrix { .. } => vec!["save one row of features per clip"],
            Self::Damaged { .. }
            | Self::Length { .. }
            | Self::TooLarge { .. }
            | Self::NotFinite { .. }
            | Self::Features { .. } => Vec::new(),
        }
    }

    pub(crate) fn from_features(error: FeatureError, array: String) -> Self {
        match error {
            FeatureError::NotFinite { clip: row, index: column, value } => {
                Self::NotFinite { array, row, column, value }
            }
            source => Self::Features { array, source },
        }
    }
}

/// The features in the bytes of a file. `array` names one of several arrays; without it, the only matrix is taken. A
/// `.npy` file has one array, which has no name.
///
/// Nothing in the file is executed, and no more memory is used than a small multiple of the array that the file really
/// holds.
///
/// # Errors
///
/// Every [`FeatureFileError`], each for the file its doc names.
pub fn read_features(
    format: FeatureFormat,
    bytes: &[u8],
    array: Option<&str>,
) -> Result<FeatureMatrix, FeatureFileError> {
    match (format, array) {
        (FeatureFormat::Npy, None) => npy::read(bytes),
        (FeatureFormat::Npy, Some(array)) => Err(FeatureFileError::NoSuchArray {
            array: array.to_owned(),
            arrays: "one without a name, as in every .npy file".into(),
        }),
        (FeatureFormat::Npz, _) => npz::read(bytes, array),
        (FeatureFormat::Safetensors, _) => safetensors::read(bytes, array),
    }
}
