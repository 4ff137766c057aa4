//! Ogg: pages, the last of each logical stream marked as such (RFC 3533, section 6).

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

pub(super) const MAGIC: &[u8] = b"OggS";

/// Bytes of a page's header before its table of lacing values.
const HEADER_BYTES: usize = 27;
const END_OF_STREAM: u8 = 4;
/// More streams than any real file has open at once; bounds the memory that a hostile file makes us use.
const MAX_STREAMS: usize = 1000;

pub(super) fn find_cut(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<String>> {
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(0))?;
    let (mut pos, mut open) = (0, BTreeSet::new());
    while pos < len && open.len() < MAX_STREAMS {
        let Some(page) = Page::read(&mut file)? else { break };
        if page.len > len - pos {
            return Ok(Some(format!("a page needs {} bytes, {} are left", page.len, len - pos)));
        }
        if page.last {
            open.remove(&page.serial)
        } else {
            open.insert(page.serial)
        };
        file.seek_relative(page.body_len as i64)?;
        pos += page.len;
    }
    // If the pages do not follow each other, the decoder has to find the fault.
    let at_end = pos == len || len - pos < HEADER_BYTES as u64;
    Ok((at_end && !open.is_empty()).then(|| "the last page of a stream is missing".to_owned()))
}

struct Page {
    serial: u32,
    last: bool,
    body_len: u64,
    /// Includes the header.
    len: u64,
}

impl Page {
    /// Reads a page's header; `None` at the end of the file and for bytes that are no page.
    fn read(file: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = Vec::new();
        file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        let Ok(header) = <[u8; HEADER_BYTES]>::try_from(header) else { return Ok(None) };
        if !header.starts_with(MAGIC) {
            return Ok(None);
        }
        let [.., segments] = header;
        let mut lacing = Vec::new();
        file.by_ref().take(segments.into()).read_to_end(&mut lacing)?;
        let body_len = lacing.iter().map(|&size| u64::from(size)).sum();
        Ok(Some(Self {
            serial: u32::from_le_bytes([header[14], header[15], header[16], header[17]]),
            last: header[5] & END_OF_STREAM != 0,
            body_len,
            len: (HEADER_BYTES as u64) + u64::from(segments) + body_len,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn page(serial: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let head = [MAGIC, &[0, flags], &[0; 8], &[serial, 0, 0, 0], &[0; 8], &[1, body.len() as u8]];
        [&head.concat(), body].concat()
    }

    fn cut(bytes: &[u8]) -> Option<String> {
        find_cut(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_stream_without_its_last_page_is_cut() {
        let whole =
            [page(1, 2, b"head"), page(2, 2, b"head"), page(1, 4, b"end"), page(2, 4, b"end")].concat();
        assert_eq!(cut(&whole), None);
        assert_eq!(cut(&[whole.as_slice(), b"junk"].concat()), None);
        assert_eq!(cut(&whole[..whole.len() - 1]).unwrap(), "a page needs 31 bytes, 30 are left");
        for missing in [31, 20, 10] {
            let cut = cut(&whole[..whole.len() - missing]);
            assert!(cut.is_some(), "{missing}");
        }
        assert_eq!(cut(&whole[..whole.len() - 31]).unwrap(), "the last page of a stream is missing");
    }

    #[test]
    fn pages_that_do_not_follow_each_other_are_not_judged() {
        assert_eq!(cut(&[page(1, 2, b"head"), vec![7; 40], page(1, 4, b"end")].concat()), None);
    }
}
