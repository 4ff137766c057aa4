//! The header of a Y4M file. libav fills its gaps with guesses, such as 25 frames a second where the file states no
//! rate.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use crate::fps::Fps;

const MAGIC: &[u8] = b"YUV4MPEG2";
const FRAME_MAGIC: &[u8] = b"FRAME";
/// Longer than any header line libav takes.
const MAX_LINE_BYTES: u64 = 256;

/// What the first line of a Y4M file states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Y4mHeader {
    /// Width and height in pixels; `None` unless both are stated and positive.
    pub(crate) size: Option<(u32, u32)>,
    /// `None` if the rate is not stated, or zero.
    pub(crate) fps: Option<Fps>,
    /// Bytes of a frame without its own header; `None` for a layout that is not known here.
    frame_bytes: Option<u64>,
    /// Length of the line, including its end.
    line_bytes: u64,
}

impl Y4mHeader {
    /// `None` if `file` is no Y4M file.
    pub(crate) fn read(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        file.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        BufReader::new(file.take(MAX_LINE_BYTES)).read_until(b'\n', &mut line)?;
        Ok(Self::parse(&line))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(line.strip_prefix(MAGIC)?.strip_suffix(b"\n")?);
        let (mut width, mut height, mut fps, mut layout) = (None, None, None, None);
        for token in text.split(' ') {
            match token.split_at_checked(1) {
                Some(("W", value)) => width = positive(value),
                Some(("H", value)) => height = positive(value),
                Some(("F", value)) => fps = parse_rate(value),
                Some(("C", value)) => layout = Some(value),
                // Another spelling of the layout, which wins where `C` is not stated.
                Some(("X", value)) if value.starts_with("YSCSS=") => layout = layout.or(Some("")),
                _ => (),
            }
        }
        let size = width.zip(height);
        let frame_bytes = size.and_then(|size| frame_bytes(layout.unwrap_or("420"), size));
        Some(Self { size, fps, frame_bytes, line_bytes: line.len() as u64 })
    }

    /// Says what is missing from the last frame of `file`.
    pub(crate) fn find_cut(&self, file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<String>> {
        let Some(frame_bytes) = self.frame_bytes else { return Ok(None) };
        let mut file = BufReader::new(file);
        let (mut pos, mut line) = (self.line_bytes, Vec::new());
        file.seek(SeekFrom::Start(pos))?;
        for frame in 0_u64.. {
            line.clear();
            pos += (&mut file).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? as u64;
            let magic_len = line.len().min(FRAME_MAGIC.len());
            if line.is_empty() || line[..magic_len] != FRAME_MAGIC[..magic_len] {
                break;
            }
            let left = len.saturating_sub(pos);
            if left < frame_bytes {
                return Ok(Some(format!("frame {frame} needs {frame_bytes} bytes, {left} are left")));
            }
            file.seek_relative(frame_bytes as i64)?;
            pos += frame_bytes;
        }
        Ok(None)
    }
}

fn positive(value: &str) -> Option<u32> {
    value.parse().ok().filter(|&value| value > 0)
}

fn parse_rate(value: &str) -> Option<Fps> {
    let (num, den) = value.split_once(':')?;
    Fps::new(num.parse().ok()?, den.parse().ok()?)
}

/// Names of layouts as mjpegtools and FFmpeg write them: subsampling, then a chroma location or `p` and a depth.
fn frame_bytes(layout: &str, (width, height): (u32, u32)) -> Option<u64> {
    let (width, height) = (u64::from(width), u64::from(height));
    let luma = width * height;
    let (kind, rest) = layout.split_at_checked(3)?;
    let (samples, depth) = match (kind, rest) {
        ("mon", rest) => (luma, rest.strip_prefix('o')?),
        ("444", "alpha") => (luma.checked_mul(4)?, ""),
        ("420", "jpeg" | "mpeg2" | "paldv") => {
            (with_chroma(luma, width.div_ceil(2), height.div_ceil(2))?, "")
        }
        ("420", depth) => (with_chroma(luma, width.div_ceil(2), height.div_ceil(2))?, depth),
        ("411", depth) => (with_chroma(luma, width.div_ceil(4), height)?, depth),
        ("422", depth) => (with_chroma(luma, width.div_ceil(2), height)?, depth),
        ("444", depth) => (with_chroma(luma, width, height)?, depth),
        _ => return None,
    };
    match depth.strip_prefix('p').unwrap_or(depth) {
        "" => Some(samples),
        "9" | "10" | "12" | "14" | "16" => samples.checked_mul(2),
        _ => None,
    }
}

fn with_chroma(luma: u64, width: u64, height: u64) -> Option<u64> {
    (width * height).checked_mul(2)?.checked_add(luma)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn header(tokens: &str) -> Y4mHeader {
        Y4mHeader::parse(format!("YUV4MPEG2 {tokens}\n").as_bytes()).unwrap()
    }

    fn cut(bytes: &[u8]) -> Option<String> {
        let mut file = Cursor::new(bytes);
        let header = Y4mHeader::read(&mut file).unwrap().unwrap();
        header.find_cut(&mut file, bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_header_states_size_and_rate() {
        let header = header("W5 H3 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2");
        assert_eq!((header.size, header.fps), (Some((5, 3)), Fps::new(30000, 1001)));
        assert_eq!(Y4mHeader::parse(b"YUV4MPEG2 W4"), None);
    }

    #[test]
    fn a_frame_has_the_bytes_of_its_layout() {
        let bytes = |layout: &str| header(&format!("W5 H3 {layout}")).frame_bytes;
        let known = [
            ("", 27),
            ("C420jpeg", 27),
            ("C420p10", 54),
            ("C411", 27),
            ("C422", 33),
            ("C444", 45),
            ("C444p12", 90),
            ("C444alpha", 60),
            ("Cmono", 15),
            ("Cmono16", 30),
        ];
        for (layout, expected) in known {
            assert_eq!(bytes(layout), Some(expected), "{layout}");
        }
        for layout in ["C410", "C420p7", "C4", "XYSCSS=422"] {
            assert_eq!(bytes(layout), None, "{layout}");
        }
        assert_eq!(header("W4294967295 H4294967295 C444p16").frame_bytes, None);
    }

    #[test]
    fn part_of_a_frame_is_a_cut() {
        let whole = b"YUV4MPEG2 W2 H2 F8:1 Cmono\nFRAME\n1234FRAME Ip\n5678";
        assert_eq!(cut(whole), None);
        assert_eq!(cut(&whole[..whole.len() - 1]).unwrap(), "frame 1 needs 4 bytes, 3 are left");
        assert_eq!(cut(&whole[..whole.len() - 10]).unwrap(), "frame 1 needs 4 bytes, 0 are left");
        assert_eq!(cut(&whole[..whole.len() - 13]), None);
        assert_eq!(cut(b"YUV4MPEG2 W2 H2 F8:1 Cmono\nFRAME\n1234\n"), None);
    }
}
