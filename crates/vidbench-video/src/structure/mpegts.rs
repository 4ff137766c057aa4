//! MPEG transport streams: packets of one size, each with the same first byte. Only a cut inside a packet can be found.

use std::io::{self, Read, Seek};

use super::read_at;

const SYNC: u8 = 0x47;

/// Size of a packet and offset of its sync byte: plain packets, packets after four bytes of arrival time, and packets
/// before sixteen bytes of error correction.
const PACKINGS: [(usize, usize); 3] = [(188, 0), (192, 4), (204, 0)];

/// Packets that must agree before a file counts as a transport stream.
const PACKETS: usize = 4;

pub(super) fn find_cut(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<String>> {
    let head = read_at(file, 0, 1024)?;
    let fits = |&&(size, sync): &&(usize, usize)| {
        (0..PACKETS).all(|packet| head.get(packet * size + sync) == Some(&SYNC))
    };
    let Some(&(size, sync)) = PACKINGS.iter().find(fits) else { return Ok(None) };
    let left = len % size as u64;
    let tail = read_at(file, len - left, left)?;
    // A tail that does not start with a packet is junk.
    let cut = left > 0 && tail.get(sync).is_none_or(|&byte| byte == SYNC);
    Ok(cut.then(|| format!("the last packet needs {size} bytes, {left} are left")))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn cut(bytes: &[u8]) -> Option<String> {
        find_cut(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn part_of_a_packet_is_a_cut_in_every_packing() {
        for (size, sync) in PACKINGS {
            let mut packet = vec![0; size];
            packet[sync] = SYNC;
            let whole = packet.repeat(5);
            assert_eq!(cut(&whole), None);
            assert_eq!(cut(&[whole.as_slice(), b"\njunk"].concat()), None);
            let reason = format!("the last packet needs {size} bytes, 100 are left");
            assert_eq!(cut(&whole[..4 * size + 100]).unwrap(), reason);
        }
    }

    #[test]
    fn a_few_sync_bytes_make_no_transport_stream() {
        assert_eq!(cut(&[SYNC; 300]), None);
    }
}
