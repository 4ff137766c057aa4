//! Feature vectors that have been checked.

use faer::Mat;

/// Longest feature vector that is taken; the longest in use has 2,048.
pub const MAX_DIMS: usize = 4096;

/// Features cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// There is no row.
    #[error("{n} clips with features, but at least 2 are needed")]
    TooFew {
        /// Clips with features.
        n: usize,
    },
    /// Vectors of no or of too many elements.
    #[error("features have {dims} dimensions, 1 to {MAX_DIMS} are supported")]
    Dims {
        /// Length of the vectors.
        dims: usize,
    },
    /// Vectors of different length.
    #[error("features of clip {clip} have {found} dimensions, those of clip 0 have {wanted}")]
    Unequal {
        /// Index of the odd clip.
        clip: usize,
        /// Its length.
        found: usize,
        /// The others' length.
        wanted: usize,
    },
    /// The number of values is not that of the rows times the dimensions.
    #[error("{values} values do not fill {rows} rows of {dims}")]
    Count {
        /// Values given.
        values: usize,
        /// Rows asked for.
        rows: usize,
        /// Dimensions asked for.
        dims: usize,
    },
    /// A feature is infinite or not a number.
    #[error("feature {index} of clip {clip} is {value}")]
    NotFinite {
        /// Index of the clip: the row, counted from 0.
        clip: usize,
        /// Index into its vector: the column, counted from 0.
        index: usize,
        /// The value, as text.
        value: String,
    },
    /// The rows that are assigned to clips are not exactly the rows of the matrix, or a clip has none.
    #[error("{rows} rows do not match {clips} clips")]
    Clips {
        /// Rows there are.
        rows: usize,
        /// Clips that the rows are said to belong to.
        clips: usize,
    },
}

/// How the values were given; everything is computed in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats, or 16-bit ones, which 32 bits hold exactly.
    F32,
    /// 64-bit floats.
    F64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Features of at least one clip: N rows of d finite numbers, row after row, in the precision they came in.
///
/// A row is a clip, unless [`Self::of_clips`] gives a clip several rows, as for a net that looks at each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    rows: usize,
    dims: usize,
    values: Values,
    /// How many rows each clip has; `None` where each has one.
    rows_of_clips: Option<Vec<usize>>,
}

impl FeatureMatrix {
    /// `rows x dims` values, row after row, 32 bits each.
    ///
    /// # Errors
    ///
    /// Every [`FeatureError`] but `Unequal`, each for the input its doc names.
    pub fn f32(rows: usize, dims: usize, values: Vec<f32>) -> Result<Self, FeatureError> {
        Self::new(rows, dims, Values::F32(values))
    }

    /// `rows x dims` values, row after row, 64 bits each.
    ///
    /// # Errors
    ///
    /// As [`FeatureMatrix::f32`].
    pub fn f64(rows: usize, dims: usize, values: Vec<f64>) -> Result<Self, FeatureError> {
        Self::new(rows, dims, Values::F64(values))
    }

    /// One row for each vector.
    ///
    /// # Errors
    ///
    /// Every [`FeatureError`] but `Count`.
    pub fn from_rows<'a>(vectors: impl IntoIterator<Item = &'a [f32]>) -> Result<Self, FeatureError> {
        let (mut rows, mut dims, mut values) = (0, 0, Vec::new());
        for vector in vectors {
            if rows == 0 {
                dims = vector.len();
            } else if vector.len() != dims {
                return Err(FeatureError::Unequal { clip: rows, found: vector.len(), wanted: dims });
            }
            values.extend_from_slice(vector);
            rows += 1;
        }
        Self::f32(rows, dims, values)
    }

    /// The rows of all of `parts` one after the other, as if they had come in one matrix: in 64 bits when a part is.
    /// Each row is a clip.
    ///
    /// # Errors
    ///
    /// [`FeatureError::TooFew`] without parts, [`FeatureError::Unequal`] when a part has other dimensions than the first.
    pub fn concat(parts: &[Self]) -> Result<Self, FeatureError> {
        let Some(first) = parts.first() else { return Err(FeatureError::TooFew { n: 0 }) };
        let mut rows = 0;
        for part in parts {
            if part.dims != first.dims {
                return Err(FeatureError::Unequal { clip: rows, found: part.dims, wanted: first.dims });
            }
            rows += part.rows;
        }
        let singles = parts.iter().map(|part| match &part.values {
            Values::F32(values) => Some(values.as_slice()),
            Values::F64(_) => None,
        });
        let values = match singles.collect::<Option<Vec<_>>>() {
            Some(singles) => Values::F32(singles.concat()),
            None => Values::F64(parts.iter().flat_map(Self::to_f64).collect()),
        };
        Self::new(rows, first.dims, values)
    }

    pub(crate) fn new(rows: usize, dims: usize, values: Values) -> Result<Self, FeatureError> {
        if rows == 0 {
            return Err(FeatureError::TooFew { n: 0 });
        }
        if !(1..=MAX_DIMS).contains(&dims) {
            return Err(FeatureError::Dims { dims });
        }
        if rows.checked_mul(dims) != Some(values.len()) {
            return Err(FeatureError::Count { values: values.len(), rows, dims });
        }
        match values.first_not_finite() {
            Some((at, value)) => Err(FeatureError::NotFinite { clip: at / dims, index: at % dims, value }),
            None => Ok(Self { rows, dims, values, rows_of_clips: None }),
        }
    }

    /// The same rows, assigned to clips: the first `rows[0]` of them to the first clip, and so on. Intervals of Fréchet
    /// distances then draw clips instead of rows, because the rows of a clip are alike; every other metric takes each
    /// row as a clip of its own.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Clips`] when the numbers do not add up to all rows, or a clip has none.
    pub fn of_clips(self, rows: Vec<usize>) -> Result<Self, FeatureError> {
        let fits = rows.iter().all(|rows| *rows > 0) && rows.iter().sum::<usize>() == self.rows;
        if !fits {
            return Err(FeatureError::Clips { rows: self.rows, clips: rows.len() });
        }
        let several = rows.iter().any(|rows| *rows > 1);
        Ok(Self { rows_of_clips: several.then_some(rows), ..self })
    }

    /// How many rows each clip has; `None` where each has one.
    pub fn rows_of_clips(&self) -> Option<&[usize]> {
        self.rows_of_clips.as_deref()
    }

    /// Number of clips, at least 1.
    pub fn clips(&self) -> usize {
        self.rows_of_clips.as_ref().map_or(self.rows, Vec::len)
    }

    /// Number of rows, at least 1.
    pub fn count(&self) -> usize {
        self.rows
    }

    /// Length of each vector, 1 to [`MAX_DIMS`].
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// How the values were given.
    pub fn precision(&self) -> Precision {
        match &self.values {
            Values::F32(_) => Precision::F32,
            Values::F64(_) => Precision::F64,
        }
    }

    /// All values, row after row.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.values {
            Values::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Values::F64(values) => values.clone(),
        }
    }

    /// The features of each clip as a column, `d x n`.
    pub(crate) fn columns(&self) -> Mat<f64> {
        let values = self.to_f64();
        let mut columns = Mat::zeros(self.dims, self.rows);
        for (column, row) in columns.col_iter_mut().zip(values.chunks_exact(self.dims)) {
            column.iter_mut().zip(row).for_each(|(cell, value)| *cell = *value);
        }
        columns
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    fn first_not_finite(&self) -> Option<(usize, String)> {
        match self {
            Self::F32(values) => find(values, |value| !value.is_finite()),
            Self::F64(values) => find(values, |value| !value.is_finite()),
        }
    }
}

fn find<T: ToString>(values: &[T], bad: impl Fn(&T) -> bool) -> Option<(usize, String)> {
    let at = values.iter().position(bad)?;
    values.get(at).map(|value| (at, value.to_string()))
}
