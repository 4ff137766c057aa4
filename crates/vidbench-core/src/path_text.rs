//! Converts paths to text without loss: file names are bytes, whereas records and messages are text.

use std::path::{Path, PathBuf};

/// The path as text. Bytes that are not UTF-8 are written as `\\xNN`, and a backslash is doubled.
pub fn text_from_path(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The path that [`text_from_path`] wrote as this text. A backslash that does not begin an escape stands for itself.
pub fn path_from_text(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, used) = unescaped(after);
        bytes.push(byte);
        rest = after.get(used..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    path_from_bytes(bytes)
}

/// The byte that an escape stands for, and how many bytes of text it takes after the backslash.
fn unescaped(after: &str) -> (u8, usize) {
    if after.starts_with('\\') {
        return (b'\\', 1);
    }
    let hex = after.strip_prefix('x').and_then(|digits| digits.get(..2));
    match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => (byte, 3),
        None => (b'\\', 0),
    }
}

#[cfg(unix)]
fn path_from_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn every_name_survives() {
        for name in
            [&b"a fox-0.mp4"[..], b"\xff\xfe.mp4", b"a\\b\\xff", b"line\nfeed", "\u{1f98a}\\".as_bytes(), b""]
        {
            let path = Path::new(OsStr::from_bytes(name));
            assert_eq!(path_from_text(&text_from_path(path)), path, "{name:?}");
        }
        assert_eq!(text_from_path(Path::new(OsStr::from_bytes(b"a\xff"))), "a\\xff");
    }

    #[test]
    fn text_that_nobody_escaped_is_taken_as_it_is() {
        assert_eq!(path_from_text("C:\\x9"), Path::new("C:\\x9"));
        assert_eq!(path_from_text("a\\xé1"), Path::new("a\\xé1"));
    }
}
