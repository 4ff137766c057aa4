//! Finds files whose own structure says that something is missing or damaged.
//!
//! libav opens many truncated files and only fails, or stops early, at the cut. The outermost structure of most
//! containers states lengths or marks its end, so a cut can be found before anything is decoded, with a better message.
//! Cuts in FLV, IVF and other containers, and a cut exactly between two fragments or transport packets, are left to the
//! decoder.

mod avi;
mod gif;
mod matroska;
mod mpegts;
mod ogg;

use std::io::{self, Read, Seek, SeekFrom};

use crate::y4m::Y4mHeader;

/// More top-level boxes than any real file has; bounds the walk through a hostile one.
const MAX_BOXES: usize = 10_000;

/// Top-level boxes of ISO BMFF and QuickTime. Trailing bytes that spell none of them are junk, not a cut.
const TOP_LEVEL_BOXES: [&[u8; 4]; 14] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mfra", b"mdat", b"free", b"skip", b"wide", b"meta", b"uuid",
    b"sidx", b"pdin", b"emsg",
];

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends too early.
    Cut(String),
    /// Something in it cannot be what was written.
    Damage(String),
}

/// Says what is wrong with `file`, which is `len` bytes long; `None` if nothing is known to be.
pub(crate) fn find_fault(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<Fault>> {
    let head = read_at(file, 0, 64)?;
    if head.starts_with(&matroska::EBML_ID) {
        return matroska::find_fault(file, len);
    }
    Ok(find_cut(file, &head, len)?.map(Fault::Cut))
}

fn find_cut(file: &mut (impl Read + Seek), head: &[u8], len: u64) -> io::Result<Option<String>> {
    if head.get(4..8).is_some_and(is_top_level) {
        return iso_bmff_cut(file, len);
    }
    if gif::MAGICS.iter().any(|magic| head.starts_with(magic)) {
        return gif::find_cut(file);
    }
    if head.starts_with(ogg::MAGIC) {
        return ogg::find_cut(file, len);
    }
    if avi::is_avi(head) {
        return avi::find_cut(file, len);
    }
    match Y4mHeader::read(file)? {
        Some(header) => header.find_cut(file, len),
        None => mpegts::find_cut(file, len),
    }
}

fn is_top_level(kind: &[u8]) -> bool {
    TOP_LEVEL_BOXES.iter().any(|known| known.as_slice() == kind)
}

fn iso_bmff_cut(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<String>> {
    let mut pos = 0;
    let mut index_found = false;
    for _ in 0..MAX_BOXES {
        let Some(header) = BoxHeader::parse(&read_at(file, pos, 16)?) else { break };
        let size = if header.size == 0 { len - pos } else { header.size };
        if size > len - pos {
            return Ok(Some(format!("box '{}' needs {size} bytes, {} are left", header.name(), len - pos)));
        }
        index_found |= &header.kind == b"moov";
        pos += size;
    }
    Ok((!index_found).then(|| "the index (box 'moov') is missing".to_owned()))
}

struct BoxHeader {
    kind: [u8; 4],
    /// Includes the header; 0 means that the box reaches to the end of the file.
    size: u64,
}

impl BoxHeader {
    /// `None` at the end of the file and for bytes that are not a known box.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
        let short = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let (size, header_len) = match short {
            1 => (u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?), 16),
            short => (u64::from(short), 8),
        };
        let sound = is_top_level(&kind) && (size == 0 || size >= header_len);
        sound.then_some(Self { kind, size })
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.kind).into_owned()
    }
}

fn read_at(file: &mut (impl Read + Seek), pos: u64, max: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(pos))?;
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn cut(bytes: &[u8]) -> Option<String> {
        match find_fault(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()? {
            Fault::Cut(reason) => Some(reason),
            Fault::Damage(reason) => panic!("{reason}"),
        }
    }

    fn iso_box(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = 8 + payload.len() as u32;
        [&size.to_be_bytes(), kind.as_slice(), payload].concat()
    }

    #[test]
    fn a_whole_mp4_is_not_cut() {
        let whole =
            [iso_box(b"ftyp", b"isom"), iso_box(b"moov", &[0; 9]), iso_box(b"mdat", &[7; 30])].concat();
        assert_eq!(cut(&whole), None);
        assert_eq!(cut(&[whole.as_slice(), b"junk at the end"].concat()), None);
    }

    #[test]
    fn an_mp4_cut_in_its_data_says_what_is_missing() {
        let whole =
            [iso_box(b"ftyp", b"isom"), iso_box(b"moov", &[0; 9]), iso_box(b"mdat", &[7; 30])].concat();
        let reason = cut(&whole[..whole.len() - 10]).unwrap();
        assert_eq!(reason, "box 'mdat' needs 38 bytes, 28 are left");
    }

    #[test]
    fn an_mp4_without_index_was_not_finished() {
        let unfinished = [iso_box(b"ftyp", b"isom"), iso_box(b"mdat", &[7; 30])].concat();
        assert_eq!(cut(&unfinished).unwrap(), "the index (box 'moov') is missing");
    }

    #[test]
    fn a_64_bit_box_size_cannot_overflow_the_walk() {
        let mut bytes = iso_box(b"ftyp", b"isom");
        bytes.extend([&1_u32.to_be_bytes(), b"mdat".as_slice(), &u64::MAX.to_be_bytes()].concat());
        assert!(cut(&bytes).unwrap().contains("mdat"));
    }

    #[test]
    fn other_bytes_are_not_judged() {
        for bytes in
            [b"".as_slice(), b"ab", b"just some text, long enough to hold a header", &matroska::EBML_ID]
        {
            assert_eq!(cut(bytes), None);
        }
    }
}
