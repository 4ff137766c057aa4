//! The backups of a folder: their names, their order, a quick look at each, and which ones are removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::rfc3339;

use super::manifest::MANIFEST;
use super::{Backup, BackupError, BackupManifest, BackupResult, files, scratch};
use crate::{StoreError, folders};

/// Characters of a moment in a name, `20270115T080000`.
const MOMENT_CHARS: usize = 15;

/// A backup as a list shows it.
#[derive(Debug)]
pub struct ListedBackup {
    /// Its folder.
    pub path: PathBuf,
    /// What is in it, if it says so.
    pub manifest: Option<BackupManifest>,
    /// What a quick look has found wrong. It checks that the manifest is sealed and that every file is there with its
    /// size; it hashes nothing.
    pub problem: Option<BackupError>,
}

impl ListedBackup {
    /// The backup, if the quick look has found nothing.
    pub fn whole(self) -> Option<Backup> {
        let Self { path, manifest, problem } = self;
        if problem.is_some() { None } else { Some(Backup { path, manifest: manifest? }) }
    }

    /// The order of backups: by moment, and by number within one moment (`-10` comes after `-2`).
    fn order(&self) -> (String, u32, PathBuf) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let of_name = parse_name(&name);
        // A person may have renamed the folder.
        let of_manifest = || self.manifest.as_ref().map(|manifest| (moment(manifest.created_ms), 0));
        let (moment, at) = of_name.or_else(of_manifest).unwrap_or_default();
        (moment, at, self.path.clone())
    }
}

/// The backups of a folder, oldest first, damaged ones too.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn list_backups(folder: &Path) -> BackupResult<Vec<ListedBackup>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read the folder", folder)(error).into()),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_backup(path));
    let mut listed: Vec<ListedBackup> = paths.map(look).collect();
    listed.sort_by_cached_key(ListedBackup::order);
    Ok(listed)
}

/// The newest backup in which a quick look finds nothing.
///
/// # Errors
/// Those of [`list_backups`].
pub fn newest_backup(folder: &Path) -> BackupResult<Option<Backup>> {
    Ok(list_backups(folder)?.into_iter().rev().find_map(ListedBackup::whole))
}

/// A backup's manifest; its files are not read.
///
/// # Errors
/// It is no backup, is damaged, or was made by a newer vidbench.
pub fn read_backup(path: &Path) -> BackupResult<Backup> {
    Ok(Backup { path: path.into(), manifest: BackupManifest::read(path)? })
}

/// Removes all whole backups of a folder except the newest `keep`; `made` counts as one of those, whatever its date.
/// Damaged backups do not count and are left to a person.
///
/// # Errors
/// A folder cannot be read or removed, or another process makes a backup there.
pub fn keep_backups(folder: &Path, keep: usize, made: &Path) -> BackupResult<Vec<PathBuf>> {
    let _alone = scratch::lock(folder)?;
    scratch::sweep(folder)?;
    let others: Vec<Backup> = list_backups(folder)?
        .into_iter()
        .filter(|listed| listed.path != made)
        .filter_map(ListedBackup::whole)
        .collect();
    let kept = keep.saturating_sub(1);
    others.iter().rev().skip(kept).rev().map(|backup| remove(folder, &backup.path)).collect()
}

/// Renames the backup first, so that a removal that is killed leaves nothing that is listed.
fn remove(folder: &Path, backup: &Path) -> BackupResult<PathBuf> {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    let going = folder.join(format!("{}{name}", scratch::REMOVING));
    fs::rename(backup, &going).map_err(StoreError::io("remove", backup))?;
    folders::remove_folder(&going)?;
    Ok(backup.into())
}

/// A free name: the moment in characters that sort as moments do; a second backup of the same second gets a number.
pub(super) fn free_name(folder: &Path, created_ms: i64) -> PathBuf {
    let moment = moment(created_ms);
    let name = |at: u32| if at == 1 { moment.clone() } else { format!("{moment}-{at}") };
    (1..).map(|at| folder.join(name(at))).find(|path| !path.exists()).unwrap_or_else(|| folder.join(&moment))
}

fn moment(created_ms: i64) -> String {
    rfc3339(created_ms).chars().filter(char::is_ascii_alphanumeric).take(MOMENT_CHARS).collect()
}

/// The moment and the number of a name that [`free_name`] has given.
fn parse_name(name: &str) -> Option<(String, u32)> {
    let (moment, at) = name.split_once('-').map_or((name, "1"), |(moment, at)| (moment, at));
    let is_moment = moment.len() == MOMENT_CHARS
        && moment
            .bytes()
            .enumerate()
            .all(|(i, byte)| if i == 8 { byte == b'T' } else { byte.is_ascii_digit() });
    if is_moment { Some((moment.to_owned(), at.parse().ok()?)) } else { None }
}

/// A backup whose manifest is lost is recognised by its name.
fn is_backup(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.is_dir() && !name.starts_with('.') && (path.join(MANIFEST).exists() || parse_name(&name).is_some())
}

fn look(path: PathBuf) -> ListedBackup {
    match BackupManifest::read(&path) {
        Ok(manifest) => {
            let problem = files::require_files(&path, &manifest).err();
            ListedBackup { path, manifest: Some(manifest), problem }
        }
        Err(error) => ListedBackup { path, manifest: None, problem: Some(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_time_and_number() {
        let read = |name: &str| parse_name(name);
        assert_eq!(read("20270115T080000"), Some(("20270115T080000".into(), 1)));
        assert!(read("20270115T080000-2") < read("20270115T080000-10"));
        assert!(read("20270115T080000-10") < read("20270115T080001"));
        for other in
            ["", "mine", "20270115", "20270115T08000", "20270115t080000", "20270115T080000-x", "2027-01"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_moment_and_its_name_agree() {
        let folder = tempfile::tempdir().unwrap();
        let first = free_name(folder.path(), 1_800_000_000_000);
        fs::create_dir(&first).unwrap();
        let second = free_name(folder.path(), 1_800_000_000_000);
        let names =
            [first, second].map(|path| parse_name(&path.file_name().unwrap().to_string_lossy()).unwrap());
        assert_eq!(names, [("20270115T080000".into(), 1), ("20270115T080000".into(), 2)]);
    }
}
