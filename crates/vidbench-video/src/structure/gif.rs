//! GIF: blocks up to a trailer byte (GIF89a specification, sections 17 to 27).

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

pub(super) const MAGICS: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;

pub(super) fn find_cut(file: &mut (impl Read + Seek)) -> io::Result<Option<String>> {
    file.seek(SeekFrom::Start(0))?;
    match walk(&mut BufReader::new(file)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Some("the GIF trailer is missing".to_owned()))
        }
        walked => walked.map(|()| None),
    }
}

/// Ends at the trailer (0x3b), and at a byte that starts no block: that is damage, not a cut.
fn walk(file: &mut impl BufRead) -> io::Result<()> {
    let [.., flags, _, _] = read::<13>(file)?;
    skip_colours(file, flags)?;
    loop {
        match read::<1>(file)? {
            [EXTENSION] => drop(read::<1>(file)?),
            [IMAGE] => {
                let [.., flags] = read::<9>(file)?;
                skip_colours(file, flags)?;
                // Skips the minimum code size.
                read::<1>(file)?;
            }
            [_] => return Ok(()),
        }
        skip_data(file)?;
    }
}

/// A colour table, if the flags announce one.
fn skip_colours(file: &mut impl BufRead, flags: u8) -> io::Result<()> {
    let colours = if flags & 0x80 == 0 { 0 } else { 2_u64 << (flags & 7) };
    skip(file, 3 * colours)
}

/// Skips data blocks of at most 255 bytes, each after its length, up to an empty one.
fn skip_data(file: &mut impl BufRead) -> io::Result<()> {
    loop {
        match read::<1>(file)? {
            [0] => return Ok(()),
            [len] => skip(file, len.into())?,
        }
    }
}

fn read<const N: usize>(file: &mut impl BufRead) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map(|()| bytes)
}

fn skip(file: &mut impl BufRead, len: u64) -> io::Result<()> {
    let skipped = io::copy(&mut file.take(len), &mut io::sink())?;
    if skipped < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// One pixel with a table of two colours, after an extension.
    const WHOLE: &[u8] =
        b"GIF89a\x01\0\x01\0\x80\0\0RGBrgb\x21\xf9\x01\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0\x3b";

    fn cut(bytes: &[u8]) -> bool {
        find_cut(&mut Cursor::new(bytes)).unwrap().is_some()
    }

    #[test]
    fn a_gif_is_cut_at_every_byte_before_its_trailer() {
        assert!(!cut(WHOLE));
        assert!((0..WHOLE.len()).all(|len| cut(&WHOLE[..len])));
    }

    #[test]
    fn bytes_behind_the_trailer_and_unknown_blocks_are_not_judged() {
        assert!(!cut(&[WHOLE, b"\x21junk"].concat()));
        assert!(!cut(&[&WHOLE[..WHOLE.len() - 1], b"\0"].concat()));
    }
}
