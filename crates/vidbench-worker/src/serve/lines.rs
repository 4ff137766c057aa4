//! Reading lines of bounded length.

use std::io::{self, BufRead, Read as _};

use vidbench_core::protocol::MAX_LINE_BYTES;

/// What [`read_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line is in the buffer, without its line feed.
    Whole,
    /// A line longer than [`MAX_LINE_BYTES`]; it was read to its end and dropped.
    TooLong,
    /// The input has ended. A last line without a line feed was cut off and is not served.
    End,
}

/// The message for [`Line::TooLong`].
pub(super) fn too_long() -> String {
    format!("the line is longer than {MAX_LINE_BYTES} bytes")
}

/// Reads the next line into `buffer`, which never grows beyond [`MAX_LINE_BYTES`].
pub(super) fn read_line(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Line> {
    buffer.clear();
    input.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', buffer)?;
    if buffer.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Line::Whole);
    }
    if buffer.len() < MAX_LINE_BYTES {
        return Ok(Line::End);
    }
    buffer.clear();
    Ok(if input.skip_until(b'\n')? == 0 { Line::End } else { Line::TooLong })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(mut input: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut lines, mut too_long, mut buffer) = (Vec::new(), 0, Vec::new());
        loop {
            match read_line(&mut input, &mut buffer).unwrap() {
                Line::Whole => lines.push(buffer.clone()),
                Line::TooLong => too_long += 1,
                Line::End => return (lines, too_long),
            }
        }
    }

    #[test]
    fn a_line_of_the_largest_size_is_whole_and_one_byte_more_is_too_long() {
        let mut input = vec![b'a'; MAX_LINE_BYTES - 1];
        input.extend(b"\n");
        input.extend(vec![b'b'; MAX_LINE_BYTES]);
        input.extend(b"\nc\n");
        let (lines, too_long) = lines_of(&input);
        assert_eq!(too_long, 1);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], b"c");
    }

    #[test]
    fn a_last_line_without_a_line_feed_is_not_served() {
        assert_eq!(lines_of(b"one\ntwo"), (vec![b"one".to_vec()], 0));
    }

    proptest! {
        #[test]
        fn short_lines_come_back_as_they_were(lines in prop::collection::vec("[^\n]{0,40}", 0..20)) {
            let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let expected: Vec<_> = lines.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(lines_of(input.as_bytes()), (expected, 0));
        }
    }
}
