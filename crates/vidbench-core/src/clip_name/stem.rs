//! The parts of a file name (folder, extension, number at the end), and which files are not clips.

use serde::Serialize;

/// Extensions of videos, in lower case.
pub const VIDEO_EXTENSIONS: [&str; 14] =
    ["avi", "flv", "gif", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "ts", "webm", "y4m", "yuv"];

/// Most digits of a number at the end of a name. Longer ones are dates and ids, and belong to the text.
const MAX_INDEX_DIGITS: usize = 6;

/// Why a file is not a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoreReason {
    /// A name that begins with a dot: `.DS_Store`, and the `._name.mp4` that macOS leaves on foreign disks.
    Hidden,
    /// An extension that is not a video's, or none.
    NotVideo,
}

/// Why a file is ignored; `None` for a video.
pub fn ignored(path: &str) -> Option<IgnoreReason> {
    let name = last_component(path);
    if name.starts_with('.') {
        return Some(IgnoreReason::Hidden);
    }
    let extension = split_extension(name).1.to_lowercase();
    (!VIDEO_EXTENSIONS.contains(&extension.as_str())).then_some(IgnoreReason::NotVideo)
}

/// What follows the last `/`.
pub(crate) fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name without its extension, and the extension without its dot (empty if there is none).
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        Some(_) | None => (name, ""),
    }
}

/// The text before a final `-<number>`, and the number, which must be written as Python's `str` does: no leading zero,
/// no sign.
pub(super) fn split_index(stem: &str) -> Option<(&str, u32)> {
    let (text, digits) = stem.rsplit_once('-')?;
    let canonical = digits == "0" || !digits.starts_with('0');
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !canonical || !number || digits.len() > MAX_INDEX_DIGITS {
        return None;
    }
    Some((text, digits.parse().ok()?))
}
