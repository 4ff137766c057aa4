//! Verifies the checksums of FFV1 slices, because libav replaces a slice whose checksum is wrong by the same slice of
//! the frame before and reports success.

/// Length of slice (24 bit), error status (8 bit), CRC (32 bit): RFC 9043, section 4.8, with error correction on.
const FOOTER_LEN: usize = 8;

/// Whether `packet`, one FFV1 frame, has slices with checksums and one of the checksums is wrong.
///
/// False for streams without checksums, and for a broken chain of slices, which libav reports.
pub(crate) fn fails_checksum(packet: &[u8]) -> bool {
    slices(packet).is_some_and(|slices| slices.iter().any(|slice| crc(slice) != 0))
}

/// The slices with their footers, found from the last to the first; `None` if they do not fill the packet.
fn slices(packet: &[u8]) -> Option<Vec<&[u8]>> {
    let mut slices = Vec::new();
    let mut rest = packet;
    while !rest.is_empty() {
        let footer = &rest[rest.len().checked_sub(FOOTER_LEN)?..];
        let payload_len = usize::from(footer[0]) << 16 | usize::from(footer[1]) << 8 | usize::from(footer[2]);
        let (before, slice) = rest.split_at(rest.len().checked_sub(payload_len + FOOTER_LEN)?);
        slices.push(slice);
        rest = before;
    }
    Some(slices)
}

/// RFC 9043, section 4.8.3: polynomial 0x04c11db7, most significant bit first, start 0, no final inversion. Zero over
/// data that ends with its own checksum.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| {
        let index = (crc >> 24) as u8 ^ byte;
        (crc << 8) ^ CRC_TABLE[usize::from(index)]
    })
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc >> 31;
            crc = (crc << 1) ^ (carry * 0x04c1_1db7);
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() as u32).to_be_bytes();
        let mut slice = [payload, &len[1..], &[0]].concat();
        slice.extend(crc(&slice).to_be_bytes());
        slice
    }

    #[test]
    fn crc_matches_its_published_check_value() {
        // CRC-32/CKSUM of "123456789" is 0x765e7680 with a final inversion, which FFV1 leaves out.
        assert_eq!(crc(b"123456789"), !0x765e_7680);
    }

    #[test]
    fn whole_slices_pass_and_any_flipped_bit_in_them_fails() {
        let packet = [slice(b"one slice"), slice(b"another")].concat();
        assert!(!fails_checksum(&packet));
        for at in [0, 8, 20] {
            let mut damaged = packet.clone();
            damaged[at] ^= 1;
            assert!(fails_checksum(&damaged), "byte {at}");
        }
    }

    #[test]
    fn bytes_that_are_no_chain_of_slices_are_not_judged() {
        for packet in [b"".as_slice(), b"short", b"no footer in these bytes at all"] {
            assert!(!fails_checksum(packet));
        }
    }
}
