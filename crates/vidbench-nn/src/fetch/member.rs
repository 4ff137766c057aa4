//! Takes a file out of a .zip.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use zip::ZipArchive;

/// Takes one file out of an archive. Writes it under another name first.
pub(super) fn take(archive: &Path, member: &str, into: &Path) -> Result<(), String> {
    let taken = (|| {
        let mut archive = ZipArchive::new(BufReader::new(File::open(archive)?))?;
        let mut entry = archive.by_name(member)?;
        let partial = into.with_extension("partial");
        let mut file = File::create(&partial)?;
        io::copy(&mut entry, &mut file)?;
        file.sync_all()?;
        fs::rename(&partial, into)
    })();
    taken.map_err(|error: io::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_member_is_taken_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, into) = (folder.path().join("models.zip"), folder.path().join("raft-things.pth"));
        let mut writer = zip::ZipWriter::new(File::create(&archive).unwrap());
        for name in ["models/raft-small.pth", "models/raft-things.pth"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        take(&archive, "models/raft-things.pth", &into).unwrap();
        assert_eq!(fs::read_to_string(&into).unwrap(), "models/raft-things.pth");
        assert!(take(&archive, "models/raft.pth", &into).unwrap_err().contains("not found"));
        fs::write(&archive, "<html>").unwrap();
        assert!(take(&archive, "models/raft-things.pth", &into).is_err());
    }
}
