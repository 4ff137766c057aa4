//! Matroska and WebM: elements within elements, each with its name and its length (RFC 8794, RFC 9559).
//!
//! Where an element makes no sense, libav searches for the next cluster and goes on there without a message: the clip
//! then lacks frames, or a picture was computed from the wrong reference. Walking the chain of elements finds such
//! damage, and so does the checksum of a cluster where the writer made one.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::Fault;

pub(super) const EBML_ID: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

const EBML_HEADER: u32 = u32::from_be_bytes(EBML_ID);
const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const POSITION: u32 = 0xa7;
const PREV_SIZE: u32 = 0xab;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const CRC_32: u32 = 0xbf;
const VOID: u32 = 0xec;

/// SeekHead, Info, Tracks, Cluster, Cues, Attachments, Chapters, Tags, and EBML's SignatureSlot.
const IN_SEGMENT: &[u32] = &[
    0x114d_9b74,
    0x1549_a966,
    TRACKS,
    CLUSTER,
    0x1c53_bb6b,
    0x1941_a469,
    0x1043_a770,
    0x1254_c367,
    0x1b53_8667,
];
/// Timestamp, SilentTracks, Position, PrevSize, SimpleBlock, BlockGroup, EncryptedBlock.
const IN_CLUSTER: &[u32] = &[TIMESTAMP, 0x5854, POSITION, PREV_SIZE, SIMPLE_BLOCK, BLOCK_GROUP, 0xaf];
/// Block, BlockVirtual, BlockAdditions, BlockDuration, ReferencePriority, ReferenceBlock, ReferenceVirtual, CodecState, DiscardPadding,
/// Slices, ReferenceFrame.
const IN_BLOCK_GROUP: &[u32] = &[BLOCK, 0xa2, 0x75a1, 0x9b, 0xfa, 0xfb, 0xfd, 0xa4, 0x75a2, 0x8e, 0xc8];

/// Bytes of the largest number (RFC 8794, section 7.2).
const MAX_NUMBER_BYTES: u64 = 8;
/// More elements than any real clip has; bounds the walk through a hostile file.
const MAX_ELEMENTS: usize = 10_000_000;

pub(super) fn find_fault(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<Fault>> {
    let mut walk = Walk { file: BufReader::new(file), len, elements: 0, tracks: BTreeSet::new() };
    match walk.documents() {
        Ok(()) => Ok(None),
        Err(Stop::Fault(fault)) => Ok(Some(fault)),
        Err(Stop::Io(error)) => Err(error),
    }
}

/// An element's head: everything but its body.
#[derive(Debug, Clone, Copy)]
struct Element {
    at: u64,
    id: u32,
    /// Where its body begins.
    body: u64,
    /// Length of the body; unknown for the segment and the clusters of a live stream.
    size: Option<u64>,
}

impl Element {
    fn end(&self) -> Option<u64> {
        self.body.checked_add(self.size?)
    }

    fn fault(&self, what: &str) -> Stop {
        Stop::Fault(Fault::Damage(format!("the element 0x{:X} at byte {} {what}", self.id, self.at)))
    }
}

/// Why a walk ends early.
enum Stop {
    Fault(Fault),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Found<T> = Result<T, Stop>;

struct Walk<R> {
    file: BufReader<R>,
    len: u64,
    elements: usize,
    /// Numbers of the tracks that the file describes.
    tracks: BTreeSet<u64>,
}

impl<R: Read + Seek> Walk<R> {
    /// Documents one after another: libav reads on behind the first. Anything else at the end is not judged.
    fn documents(&mut self) -> Found<()> {
        let mut pos = 0;
        while let Some(element) = self.element(pos)? {
            self.count()?;
            pos = match (element.id, element.end()) {
                (SEGMENT, _) => self.segment(&element)?,
                (EBML_HEADER | VOID | CRC_32, Some(end)) => end,
                _ => break,
            };
        }
        Ok(())
    }

    /// Returns where the segment ends.
    fn segment(&mut self, segment: &Element) -> Found<u64> {
        let left = self.len.saturating_sub(segment.body);
        if let Some(size) = segment.size.filter(|size| *size > left) {
            let what = format!("the segment needs {size} bytes, {left} are left");
            return Err(Stop::Fault(Fault::Cut(what)));
        }
        let end = segment.end().unwrap_or(self.len);
        let live = segment.size.is_none();
        let mut pos = segment.body;
        while pos < end {
            if live && self.element(pos)?.is_some_and(|next| next.id == EBML_HEADER) {
                return Ok(pos);
            }
            let element = self.child(pos, end, "segment", live, Some(IN_SEGMENT))?;
            pos = match (element.id, element.end()) {
                (CLUSTER, _) => self.cluster(&element, end, live)?,
                (TRACKS, Some(end)) => {
                    self.check_crc(&element, end)?;
                    self.track_numbers(&element, end)?;
                    end
                }
                (_, Some(end)) => end,
                (_, None) => return Err(element.fault("has no length")),
            };
        }
        Ok(pos)
    }

    /// Where the cluster ends.
    fn cluster(&mut self, cluster: &Element, outer_end: u64, live: bool) -> Found<u64> {
        let end = cluster.end().unwrap_or(outer_end);
        let sound = cluster.size.is_some() && self.check_crc(cluster, end)?;
        // Behind a matching checksum, an element that no standard names is an extension; elsewhere, more likely damage.
        let (known, known_in_group) =
            if sound { (None, None) } else { (Some(IN_CLUSTER), Some(IN_BLOCK_GROUP)) };
        let mut pos = cluster.body;
        let ends_cluster = |next: Element| next.id == EBML_HEADER || IN_SEGMENT.contains(&next.id);
        while pos < end {
            if cluster.size.is_none() && self.element(pos)?.is_some_and(ends_cluster) {
                return Ok(pos);
            }
            let element = self.child(pos, end, "cluster", live, known)?;
            let Some(element_end) = element.end() else {
                return Err(element.fault("has no length"));
            };
            match element.id {
                TIMESTAMP | POSITION | PREV_SIZE if element.size > Some(MAX_NUMBER_BYTES) => {
                    return Err(element.fault("is too long for a number"));
                }
                SIMPLE_BLOCK => self.check_block(&element)?,
                BLOCK_GROUP => self.block_group(&element, element_end, known_in_group)?,
                _ => {}
            }
            pos = element_end;
        }
        Ok(pos)
    }

    fn block_group(&mut self, group: &Element, end: u64, known: Option<&[u32]>) -> Found<()> {
        let mut pos = group.body;
        while pos < end {
            let element = self.child(pos, end, "block group", false, known)?;
            if element.id == BLOCK {
                self.check_block(&element)?;
            }
            let Some(next) = element.end() else {
                return Err(element.fault("has no length"));
            };
            pos = next;
        }
        Ok(())
    }

    /// Reads the element at `pos`, which must be one that is `known` in the parent, where that is given, and must end
    /// within the parent.
    fn child(
        &mut self,
        pos: u64,
        end: u64,
        parent: &str,
        live: bool,
        known: Option<&[u32]>,
    ) -> Found<Element> {
        self.count()?;
        let Some(element) = self.element(pos)? else {
            let what = format!("expected an element at byte {pos}");
            // In a live stream that was cut, nothing else shows the cut.
            let few_left = live && self.len - pos < MAX_HEAD;
            return Err(Stop::Fault(if few_left { Fault::Cut(what) } else { Fault::Damage(what) }));
        };
        let is_known = |known: &[u32]| [VOID, CRC_32].contains(&element.id) || known.contains(&element.id);
        if !known.is_none_or(is_known) {
            return Err(element.fault(&format!("is not allowed in a {parent}")));
        }
        match element.size {
            Some(size) if element.end().is_none_or(|own| own > end) => {
                let left = end.saturating_sub(element.body);
                let what = format!("needs {size} bytes, {left} are left in its {parent}");
                Err(if live && end == self.len {
                    Stop::Fault(Fault::Cut(what))
                } else {
                    element.fault(&what)
                })
            }
            _ => Ok(element),
        }
    }

    fn count(&mut self) -> Found<()> {
        self.elements += 1;
        if self.elements <= MAX_ELEMENTS {
            return Ok(());
        }
        Err(Stop::Fault(Fault::Damage(format!("it has more than {MAX_ELEMENTS} elements"))))
    }

    /// Verifies the checksum of an element that begins with one; whether it does. The checksum covers everything after it in the
    /// element: CRC-32 of IEEE 802.3, least significant byte first (RFC 8794, section 11.3.1).
    fn check_crc(&mut self, parent: &Element, end: u64) -> Found<bool> {
        let Some(crc) =
            self.element(parent.body)?.filter(|first| first.id == CRC_32 && first.size == Some(4))
        else {
            return Ok(false);
        };
        let mut recorded = [0; 4];
        self.seek(crc.body)?;
        self.file.read_exact(&mut recorded)?;
        let mut hasher = crc32fast::Hasher::new();
        let mut rest = self.file.by_ref().take(end.saturating_sub(crc.body + 4));
        loop {
            let bytes = io::BufRead::fill_buf(&mut rest)?;
            if bytes.is_empty() {
                break;
            }
            hasher.update(bytes);
            let read = bytes.len();
            io::BufRead::consume(&mut rest, read);
        }
        let sound = hasher.finalize() == u32::from_le_bytes(recorded);
        if sound { Ok(true) } else { Err(parent.fault("does not match its checksum")) }
    }

    fn track_numbers(&mut self, tracks: &Element, end: u64) -> Found<()> {
        let mut pos = tracks.body;
        while let Some(entry) = self.element(pos)?.filter(|_| pos < end) {
            let Some(entry_end) = entry.end().filter(|own| *own <= end) else {
                return Err(entry.fault("is longer than its parent"));
            };
            self.count()?;
            let mut inner = entry.body;
            while let Some(field) =
                self.element(inner)?.filter(|_| entry.id == TRACK_ENTRY && inner < entry_end)
            {
                let Some(next) = field.end().filter(|own| *own <= entry_end) else {
                    return Err(field.fault("is longer than its parent"));
                };
                self.count()?;
                if field.id == TRACK_NUMBER {
                    self.seek(field.body)?;
                    let bytes = field.size.unwrap_or(0).min(8);
                    let mut number = Vec::new();
                    self.file.by_ref().take(bytes).read_to_end(&mut number)?;
                    self.tracks.insert(number.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)));
                }
                inner = next;
            }
            pos = entry_end;
        }
        Ok(())
    }

    /// A block begins with the number of its track, a time and flags. libav leaves out blocks of unknown tracks, and
    /// blocks whose frames do not fit into them.
    fn check_block(&mut self, block: &Element) -> Found<()> {
        self.seek(block.body)?;
        let number = self.vint()?.map(|(value, _)| value);
        let known = self.tracks.is_empty() || number.is_some_and(|number| self.tracks.contains(&number));
        if !known {
            return Err(block.fault("belongs to a track that the file does not describe"));
        }
        let mut time_and_flags = [0; 3];
        for byte in &mut time_and_flags {
            *byte = self.byte()?.unwrap_or(0);
        }
        let lacing = (time_and_flags[2] >> 1) & 3;
        if lacing == 0 || self.laces_fit(lacing, block.end().unwrap_or(self.len))? {
            return Ok(());
        }
        Err(block.fault("holds frames that do not fit into it"))
    }

    /// Whether the frames of a block that has several lie within it (RFC 9559, section 10.3): with Xiph's sizes (1), of
    /// equal size (2), or with EBML's (3).
    fn laces_fit(&mut self, lacing: u8, end: u64) -> io::Result<bool> {
        let Some(before_last) = self.byte()? else { return Ok(false) };
        let (mut taken, mut last) = (0_i64, 0_i64);
        for frame in 0..before_last {
            match lacing {
                1 => loop {
                    let Some(byte) = self.byte()? else { return Ok(false) };
                    taken += i64::from(byte);
                    if byte < u8::MAX {
                        break;
                    }
                },
                3 => {
                    let Some((value, width)) = self.vint()? else { return Ok(false) };
                    // All but the first are differences to the one before, shifted to be positive.
                    let shift = if frame == 0 { 0 } else { (1_i64 << (7 * width - 1)) - 1 };
                    last += value as i64 - shift;
                    // What is longer than the file does not fit, and its sum might not fit into a number.
                    if last < 0 || last as u64 > end {
                        return Ok(false);
                    }
                    taken = taken.saturating_add(last);
                }
                _ => {}
            }
        }
        let left = end.checked_sub(self.file.stream_position()?);
        Ok(left.is_some_and(|left| match lacing {
            2 => left % (u64::from(before_last) + 1) == 0,
            _ => taken as u64 <= left,
        }))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.file.read(&mut byte)? == 1).then_some(byte[0]))
    }

    /// `None` where no element begins, and where the file does not hold the element's whole head.
    fn element(&mut self, at: u64) -> io::Result<Option<Element>> {
        if at >= self.len {
            return Ok(None);
        }
        self.seek(at)?;
        let mut first = [0];
        self.file.read_exact(&mut first)?;
        let width = first[0].leading_zeros() + 1;
        if width > 4 {
            return Ok(None);
        }
        let mut id = u32::from(first[0]);
        for _ in 1..width {
            let mut byte = [0];
            if self.file.read(&mut byte)? == 0 {
                return Ok(None);
            }
            id = (id << 8) | u32::from(byte[0]);
        }
        let Some((size, size_width)) = self.vint()? else { return Ok(None) };
        let unknown = (1 << (7 * size_width)) - 1;
        let body = at + u64::from(width) + u64::from(size_width);
        Ok(Some(Element { at, id, body, size: (size != unknown).then_some(size) }))
    }

    /// Reads a number of 1 to 8 bytes, whose leading zeros give its width, and returns it with that width; `None` for
    /// any other byte and at the end of the file.
    fn vint(&mut self) -> io::Result<Option<(u64, u32)>> {
        let Some(first) = self.byte()? else { return Ok(None) };
        let width = first.leading_zeros() + 1;
        if width > 8 {
            return Ok(None);
        }
        let mut rest = Vec::new();
        self.file.by_ref().take(u64::from(width) - 1).read_to_end(&mut rest)?;
        if rest.len() as u32 + 1 != width {
            return Ok(None);
        }
        let value = rest.iter().fold(u64::from(first), |value, byte| (value << 8) | u64::from(*byte));
        Ok(Some((value & ((1 << (7 * width)) - 1), width)))
    }

    /// Keeps the buffer's contents when the target lies within it.
    fn seek(&mut self, to: u64) -> io::Result<()> {
        let now = self.file.stream_position()?;
        match i64::try_from(i128::from(to) - i128::from(now)) {
            Ok(by) => self.file.seek_relative(by),
            Err(_) => self.file.seek(SeekFrom::Start(to)).map(|_| ()),
        }
    }
}

/// Most bytes that an element's name and length take.
const MAX_HEAD: u64 = 12;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn fault(bytes: &[u8]) -> Option<Fault> {
        find_fault(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    fn element(id: u32, body: &[u8]) -> Vec<u8> {
        let id = id.to_be_bytes();
        let skip = id.iter().take_while(|byte| **byte == 0).count();
        let size = (body.len() as u32 | 0x1000_0000).to_be_bytes();
        [&id[skip..], &size, body].concat()
    }

    fn file(in_segment: &[Vec<u8>]) -> Vec<u8> {
        let header = [EBML_ID.as_slice(), &[0x80]].concat();
        [header, element(SEGMENT, &in_segment.concat())].concat()
    }

    fn tracks() -> Vec<u8> {
        element(TRACKS, &element(TRACK_ENTRY, &element(TRACK_NUMBER, &[1])))
    }

    fn block(track: u8) -> Vec<u8> {
        element(SIMPLE_BLOCK, &[0x80 | track, 0, 0, 0x80, 9, 9])
    }

    #[test]
    fn a_segment_longer_than_the_file_is_a_cut() {
        let mut bytes =
            [EBML_ID.as_slice(), &[0x80], &SEGMENT.to_be_bytes(), &[0x84, 0xec, 0x82, 3, 4]].concat();
        assert_eq!(fault(&bytes), None);
        bytes.pop();
        assert_eq!(fault(&bytes), Some(Fault::Cut("the segment needs 4 bytes, 3 are left".into())));
    }

    #[test]
    fn a_live_stream_may_end_after_any_element_but_not_in_one() {
        let live = [EBML_ID.as_slice(), &[0x80], &SEGMENT.to_be_bytes(), &[0xff]].concat();
        assert_eq!(fault(&live), None);
        let cluster = [&CLUSTER.to_be_bytes()[..], &[0xff], &block(1)].concat();
        let mut bytes = [live, tracks(), cluster.clone(), cluster].concat();
        assert_eq!(fault(&bytes), None);
        bytes.pop();
        let Some(Fault::Cut(reason)) = fault(&bytes) else { panic!("{:?}", fault(&bytes)) };
        assert!(reason.ends_with("needs 6 bytes, 5 are left in its cluster"), "{reason}");
    }

    #[test]
    fn a_name_a_length_or_a_track_that_makes_no_sense_is_damage() {
        let good = file(&[tracks(), element(CLUSTER, &[block(1), block(1)].concat())]);
        assert_eq!(fault(&good), None);
        let cluster_at = good.len() - 2 * block(1).len();
        for (at, value, words) in [
            (cluster_at, 0xa5, "is not allowed in a cluster"),
            (cluster_at, 0x00, "expected an element at byte"),
            (cluster_at + 4, 7, "is not allowed in a cluster"),
            (cluster_at + 4, 70, "needs 70 bytes, 17 are left in its cluster"),
            (cluster_at + 5, 0x82, "belongs to a track that the file does not describe"),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let Some(Fault::Damage(reason)) = fault(&bytes) else { panic!("{words}: {:?}", fault(&bytes)) };
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn documents_behind_the_first_are_judged_and_junk_is_not() {
        let good = file(&[tracks(), element(CLUSTER, &block(1))]);
        let void = element(VOID, &[0; 3]);
        let (header, rest) = good.split_at(5);
        let spaced = [header, &void, rest].concat();
        for sound in [[&good[..], &good].concat(), spaced.clone(), [&good[..], b"junk"].concat()] {
            assert_eq!(fault(&sound), None);
        }
        for mut bytes in [[&good[..], &good].concat(), spaced] {
            let last_block = bytes.len() - block(1).len();
            bytes[last_block] = 0xa5;
            assert!(matches!(fault(&bytes), Some(Fault::Damage(_))));
            bytes.pop();
            assert!(matches!(fault(&bytes), Some(Fault::Cut(_))));
        }
        let cluster = [&CLUSTER.to_be_bytes()[..], &[0xff], &block(1)].concat();
        let live =
            [EBML_ID.as_slice(), &[0x80], &SEGMENT.to_be_bytes(), &[0xff], &tracks(), &cluster].concat();
        assert_eq!(fault(&[&live[..], &live].concat()), None);
    }

    #[test]
    fn frames_of_one_block_are_within_it() {
        let lace = |flags: u8, rest: &[u8]| {
            let block = element(SIMPLE_BLOCK, &[&[0x81, 0, 0, flags], rest].concat());
            fault(&file(&[tracks(), element(CLUSTER, &block)]))
        };
        for (flags, rest, sound) in [
            (2, &[1, 2, 7, 7, 7][..], true),
            (2, &[1, 4, 7, 7, 7], false),
            (4, &[1, 7, 7, 7, 7], true),
            (4, &[1, 7, 7, 7], false),
            (6, &[2, 0x81, 0xc0, 7, 7, 7, 7], true),
            (6, &[2, 0x81, 0xfe, 7, 7, 7, 7], false),
            (6, &[], false),
            (6, &[&[255][..], &[1, 255, 255, 255, 255, 255, 255, 254].repeat(255)].concat(), false),
        ] {
            assert_eq!(lace(flags, rest).is_none(), sound, "{flags} {rest:?}");
        }
        let long = [element(TIMESTAMP, &[0; 9]), block(1)].concat();
        assert!(matches!(fault(&file(&[tracks(), element(CLUSTER, &long)])), Some(Fault::Damage(_))));
    }

    #[test]
    fn an_extension_is_read_behind_a_checksum_only() {
        let extension = element(0x5abc, b"next year");
        let group = element(BLOCK_GROUP, &[element(BLOCK, &[0x81, 0, 0, 0, 9]), extension.clone()].concat());
        for inner in [[extension, block(1)].concat(), group] {
            let crc = element(CRC_32, &crc32fast::hash(&inner).to_le_bytes());
            assert_eq!(fault(&file(&[tracks(), element(CLUSTER, &[crc, inner.clone()].concat())])), None);
            assert!(matches!(fault(&file(&[tracks(), element(CLUSTER, &inner)])), Some(Fault::Damage(_))));
        }
    }

    #[test]
    fn a_cluster_that_differs_from_its_checksum_is_damaged() {
        let blocks = [block(1), block(1)].concat();
        let crc = element(CRC_32, &crc32fast::hash(&blocks).to_le_bytes());
        let good = file(&[tracks(), element(CLUSTER, &[crc, blocks].concat())]);
        assert_eq!(fault(&good), None);
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() ^= 1;
        let Some(Fault::Damage(reason)) = fault(&bytes) else { panic!("{:?}", fault(&bytes)) };
        assert!(reason.ends_with("does not match its checksum"), "{reason}");
    }
}
