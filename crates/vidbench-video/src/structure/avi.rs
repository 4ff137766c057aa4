//! AVI: lists that state their length; one, or several in a row beyond 1 GB (OpenDML).

use std::io::{self, Read, Seek};

use super::read_at;

pub(super) fn is_avi(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ")
}

pub(super) fn find_cut(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<String>> {
    /// Bytes of a list's name and length.
    const HEADER_BYTES: u64 = 8;
    let mut pos = 0;
    while let Some(size) = list_size(&read_at(file, pos, HEADER_BYTES)?) {
        let left = len.saturating_sub(pos + HEADER_BYTES);
        if size > left {
            return Ok(Some(format!("the list 'RIFF' needs {size} bytes, {left} are left")));
        }
        // Lists start at even offsets.
        pos += HEADER_BYTES + size.next_multiple_of(2);
    }
    Ok(None)
}

/// `None` at the end of the file, for bytes of something else, and for a length of zero, which writers leave behind
/// that cannot seek back to fill it in.
fn list_size(bytes: &[u8]) -> Option<u64> {
    let size = bytes.strip_prefix(b"RIFF")?.try_into().map(u32::from_le_bytes).ok()?;
    (size > 0).then_some(size.into())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn list(payload: &[u8]) -> Vec<u8> {
        [b"RIFF".as_slice(), &(payload.len() as u32).to_le_bytes(), payload].concat()
    }

    fn cut(bytes: &[u8]) -> Option<String> {
        find_cut(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_list_longer_than_the_file_is_a_cut() {
        let whole = [list(b"AVI data"), list(b"AVIXmore")].concat();
        assert_eq!(cut(&whole), None);
        assert_eq!(cut(&[whole.as_slice(), b"junk"].concat()), None);
        assert_eq!(cut(&whole[..30]).unwrap(), "the list 'RIFF' needs 8 bytes, 6 are left");
        assert_eq!(cut(&whole[..15]).unwrap(), "the list 'RIFF' needs 8 bytes, 7 are left");
    }

    #[test]
    fn a_length_that_was_never_filled_in_is_no_cut() {
        assert_eq!(cut(b"RIFF\0\0\0\0AVI data"), None);
    }
}
