//! safetensors: a header of JSON, then the values of each tensor in one piece.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use safetensors::tensor::Metadata;

use super::{ElementType, Source, Stored, TensorInfo};

const LENGTH_BYTES: u64 = 8;
/// Most bytes that a header may have. Those of the largest nets have 100 KiB.
const MAX_HEADER_BYTES: u64 = 16 << 20;

pub(super) fn tensors(path: &Path) -> Result<BTreeMap<String, Stored>, String> {
    let (metadata, begin, len) = header(path).map_err(|error| error.to_string())?;
    if begin.checked_add(metadata.data_len() as u64) != Some(len) {
        return Err(format!(
            "it has {len} bytes, but its header states {}",
            metadata.data_len() as u64 + begin
        ));
    }
    let stored = |info: &safetensors::tensor::TensorInfo| {
        let (from, to) = info.data_offsets;
        Stored {
            info: TensorInfo { shape: info.shape.clone(), element: ElementType::of_safetensors(info.dtype) },
            source: Source::Range { offset: begin + from as u64, len: (to - from) as u64 },
        }
    };
    Ok(metadata.tensors().into_iter().map(|(name, info)| (name, stored(info))).collect())
}

/// What the file says about its tensors, where the values begin, and how long the file is.
pub(crate) fn header(path: &Path) -> io::Result<(Metadata, u64, u64)> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut length = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut length)?;
    let header_len = u64::from_le_bytes(length);
    if header_len > MAX_HEADER_BYTES.min(len) {
        return Err(invalid(format!(
            "it is not a safetensors file: its header would have {header_len} bytes"
        )));
    }
    let mut json = Vec::new();
    file.take(header_len).read_to_end(&mut json)?;
    let metadata: Metadata = serde_json::from_slice(&json).map_err(|error| invalid(error.to_string()))?;
    Ok((metadata, LENGTH_BYTES + header_len, len))
}
