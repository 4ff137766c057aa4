//! What a file holds, and whether it is still the same file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use vidbench_core::{RequestedClip, hex, path_from_text};

/// File metadata that changes whenever the file's bytes do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileMark {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds of the last change of bytes, and of bytes or attributes.
    times: [i64; 4],
}

impl FileMark {
    /// The marks of a clip's file (or of a folder's images), of its reference and of its image; a file that cannot be
    /// read has no mark.
    pub(crate) fn of_clip(clip: &RequestedClip) -> Vec<Option<Self>> {
        let image = clip.image.as_ref().map(|image| &image.path);
        let paths = std::iter::once(&clip.path).chain(&clip.reference).chain(image);
        paths.flat_map(|path| Self::of_path(&path_from_text(path))).collect()
    }

    /// The mark of a file; `None` when it cannot be read.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::new(&metadata))
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The mark of a file as text; `None` for a folder, whose content is that of many files.
    pub(crate) fn text(path: &Path) -> Option<String> {
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let Self { device, inode, bytes, times } = Self::new(&metadata);
        Some(format!("{device} {inode} {bytes} {times:?}"))
    }

    fn of_path(path: &Path) -> Vec<Option<Self>> {
        let mut files: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|file| file.path()).collect();
        files.sort();
        std::iter::once(Self::of_file(path)).chain(files.iter().map(|file| Self::of_file(file))).collect()
    }

    fn new(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            times: [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()],
        }
    }
}

/// SHA-256 of a file; for a folder of images, of the names and hashes of its files in the order of their names.
pub(crate) fn content_sha256(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return folder_sha256(path);
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is neither a file nor a folder"));
    }
    file_sha256(path)
}

fn file_sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn folder_sha256(path: &Path) -> io::Result<String> {
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut hasher = Sha256::new();
    for name in names {
        let file = path.join(&name);
        let hash = match fs::metadata(&file) {
            Ok(metadata) if metadata.is_file() => file_sha256(&file)?,
            Ok(_) => continue,
            // A dangling link: whether it matters is for the decoder to say.
            Err(error) if error.kind() == io::ErrorKind::NotFound => "missing".into(),
            Err(error) => return Err(error),
        };
        let name = name.as_encoded_bytes();
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(hash);
    }
    Ok(hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_clip_tell_whether_any_file_of_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        ["clip", "reference", "image"].iter().for_each(|name| fs::write(path(name), "one").unwrap());
        let clip: RequestedClip = serde_json::from_value(serde_json::json!({
            "path": path("clip"),
            "group": "g",
            "reference": path("reference"),
            "image": {"path": path("image"), "sha256": content_sha256(Path::new(&path("image"))).unwrap()},
        }))
        .unwrap();
        for name in ["clip", "reference", "image"] {
            let before = FileMark::of_clip(&clip);
            assert_eq!(FileMark::of_clip(&clip), before);
            fs::write(path(name), "another").unwrap();
            assert_ne!(FileMark::of_clip(&clip), before, "{name}");
        }
    }
}
