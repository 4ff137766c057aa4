//! The cache on a real disk: what is kept, what is read, and what happens to files that change or vanish.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use vidbench_core::sha256_hex;
use vidbench_store::{Cache, CacheKey, CacheKind, CacheSize, CacheUse};

use crate::fixtures::fast_folder;

pub(crate) fn key(name: &str) -> CacheKey {
    CacheKey::new(CacheKind::Features, &[name])
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// Bytes of everything in the cache except the list and the lock.
pub(crate) fn bytes_on_disk(root: &Path) -> u64 {
    let cache = root.join("cache");
    let is_content = |path: &&PathBuf| path.starts_with(cache.join("entries")) || path.ends_with("incoming");
    files_below(&cache)
        .iter()
        .filter(is_content)
        .map(|path| fs::metadata(path).map_or(0, |facts| facts.len()))
        .sum()
}

fn usage(cache: &Cache) -> CacheUse {
    cache.usage().unwrap().into_iter().find(|usage| usage.kind == CacheKind::Features).unwrap()
}

fn content(cache: &Cache, name: &str) -> Option<Vec<u8>> {
    cache.get(&key(name)).map(|kept| kept.content)
}

#[test]
fn what_was_put_is_got_with_its_note_and_is_counted() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    assert!(content(&cache, "a").is_none());
    assert!(cache.put(&key("a"), b"what a net saw", 2.5, "note"));
    let kept = cache.get(&key("a")).unwrap();
    assert_eq!((kept.content.as_slice(), kept.note.as_str()), (&b"what a net saw"[..], "note"));
    drop(cache);
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    assert!(content(&cache, "a").is_some(), "it outlives the process");
    let expected = CacheUse {
        kind: CacheKind::Features,
        entries: 1,
        bytes: 14,
        hits: 2,
        misses: 1,
        evictions: 0,
        refusals: 0,
        damaged: 0,
        saved_secs: 5.0,
    };
    assert_eq!(usage(&cache), expected);
    assert_eq!(cache.clear().unwrap().bytes, 14);
    assert_eq!((usage(&cache).bytes, usage(&cache).hits, bytes_on_disk(folder.path())), (0, 0, 0));
    assert_eq!(cache.trouble(), None);
}

#[test]
fn a_kind_and_each_part_of_a_key_make_another_key() {
    let of = |kind, parts: &[&str]| CacheKey::new(kind, parts);
    assert_ne!(of(CacheKind::Features, &["ab", "c"]), of(CacheKind::Features, &["a", "bc"]));
    assert_ne!(of(CacheKind::Features, &["a"]), of(CacheKind::Texts, &["a"]));
    assert_ne!(of(CacheKind::Features, &["a"]), of(CacheKind::Features, &["a", ""]));
}

#[test]
fn what_is_larger_than_the_budget_is_not_kept_and_displaces_nothing() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(10)).unwrap();
    assert!(cache.put(&key("small"), &[1; 10], 0.001, ""));
    assert!(!cache.put(&key("large"), &[2; 11], 1e9, ""));
    assert!(content(&cache, "small").is_some() && content(&cache, "large").is_none());
    assert_eq!((usage(&cache).refusals, usage(&cache).evictions), (1, 0));
    assert!(cache.put(&key("empty"), &[], 1.0, ""), "nothing fits always");
    assert_eq!(content(&cache, "empty").unwrap(), b"");
}

#[test]
fn a_smaller_budget_holds_from_the_moment_it_is_opened() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    for (name, secs) in [("a", 1.0), ("b", 3.0), ("c", 2.0)] {
        assert!(cache.put(&key(name), &[0; 30], secs, ""));
    }
    drop(cache);
    let cache = Cache::open(folder.path(), CacheSize(40)).unwrap();
    assert_eq!(bytes_on_disk(folder.path()), 30);
    assert!(content(&cache, "b").is_some(), "the one that is dearest to make");
}

#[test]
fn a_flipped_bit_is_a_miss_and_the_entry_goes() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    let whole: Vec<u8> = (0..97).collect();
    for flip in 0..200_usize {
        assert!(cache.put(&key("a"), &whole, 1.0, ""));
        let [file] = files_below(&folder.path().join("cache/entries")).try_into().unwrap();
        let mut damaged = whole.clone();
        match flip % 4 {
            0 => damaged.truncate(flip % 97),
            1 => damaged.push(0),
            _ => damaged[flip * 31 % 97] ^= 1 << (flip % 8),
        }
        fs::write(&file, damaged).unwrap();
        assert_eq!(content(&cache, "a"), None, "flip {flip}");
        assert!(!file.exists());
        assert_eq!((usage(&cache).bytes, usage(&cache).damaged, usage(&cache).hits), (0, flip as u64 + 1, 0));
    }
    assert_eq!(cache.trouble(), None);
}

#[test]
fn a_damaged_list_begins_the_cache_anew_and_gives_nothing_wrong() {
    for flip in 0..60_usize {
        let folder = fast_folder();
        let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
        for name in 0..8_u8 {
            assert!(cache.put(&key(&name.to_string()), &[name; 50], 1.0, ""));
        }
        drop(cache);
        let list = folder.path().join("cache/index.db");
        let mut bytes = fs::read(&list).unwrap();
        let places = bytes.len();
        match flip {
            0 => bytes = b"no database at all, but long enough to be looked at as one".repeat(20),
            1 => bytes.truncate(places / 2),
            _ => (0..8).for_each(|at| bytes[(flip * 7919 + at * 104_729) % places] ^= 1 << (at % 8)),
        }
        fs::write(&list, bytes).unwrap();
        let Ok(cache) = Cache::open(folder.path(), CacheSize(1000)) else { continue };
        for name in 0..8_u8 {
            let found = content(&cache, &name.to_string());
            assert!(found.is_none_or(|found| found == [name; 50]), "flip {flip} gave another content");
        }
        assert!(bytes_on_disk(folder.path()) <= 1000);
    }
}

#[test]
fn files_that_nobody_lists_and_entries_without_files_go_when_it_is_opened() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    assert!(cache.put(&key("a"), &[1; 50], 1.0, "") && cache.put(&key("b"), &[2; 50], 1.0, ""));
    let files = files_below(&folder.path().join("cache/entries"));
    fs::remove_file(&files[0]).unwrap();
    fs::write(files[1].with_file_name("f".repeat(64)), [0; 5000]).unwrap();
    fs::write(folder.path().join("cache/incoming"), [0; 5000]).unwrap();
    drop(cache);
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    assert_eq!((usage(&cache).entries, usage(&cache).bytes, bytes_on_disk(folder.path())), (1, 50, 50));
}

#[test]
fn what_somebody_reads_stays_and_another_entry_goes() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    assert!(cache.put(&key("cheap"), &[1; 50], 1.0, ""));
    let [read] = files_below(&folder.path().join("cache/entries")).try_into().unwrap();
    assert!(cache.put(&key("dear"), &[2; 50], 5.0, ""));
    let reader = File::open(&read).unwrap();
    reader.lock_shared().unwrap();
    assert!(cache.put(&key("new"), &[3; 50], 9.0, ""));
    assert!(read.exists() && content(&cache, "dear").is_none(), "the cheaper one is being read");
    assert!(!cache.put(&key("larger"), &[4; 100], 99.0, ""), "both would have to go");
    assert!(content(&cache, "new").is_some(), "and none went in vain");
    assert_eq!(cache.clear().unwrap().entries, 1);
    drop(reader);
    assert_eq!((cache.clear().unwrap().entries, bytes_on_disk(folder.path())), (1, 0));
}

#[test]
fn a_file_is_kept_and_given_under_a_second_name_and_frees_the_disk_only_as_the_last() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    let (video, again) = (folder.path().join("video"), folder.path().join("again"));
    fs::write(&video, [7; 300]).unwrap();
    let sha256 = sha256_hex(&[7; 300]);
    assert!(cache.put_file(&key("v"), &video, &sha256, 60.0, "who made it"));
    assert_eq!(cache.get_file(&key("v"), &again).as_deref(), Some("who made it"));
    assert_eq!(fs::read(&again).unwrap(), [7; 300]);
    assert!(cache.put(&key("w"), &[1; 300], 600.0, ""));
    let freed = cache.free(200);
    assert_eq!((freed.entries, freed.bytes, freed.disk_bytes), (2, 600, 300), "the video has other names");
    fs::remove_file(&again).unwrap();
    assert!(cache.put_file(&key("v"), &video, &sha256, 60.0, ""));
    fs::remove_file(&video).unwrap();
    assert_eq!(cache.free(1).disk_bytes, 300);
    assert!(cache.get_file(&key("v"), &again).is_none() && !again.exists());
    assert!(!cache.put_file(&key("v"), &video, &sha256, 60.0, ""), "it is not there");
    assert!(cache.trouble().unwrap().contains("cannot read"));
}

#[test]
fn a_file_that_is_not_what_it_was_said_to_be_is_never_given() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    let (video, out) = (folder.path().join("video"), folder.path().join("out"));
    fs::write(&video, [7; 300]).unwrap();
    assert!(cache.put_file(&key("v"), &video, &sha256_hex(b"another"), 60.0, ""));
    assert!(cache.get_file(&key("v"), &out).is_none() && !out.exists());
    assert_eq!(usage(&cache).damaged, 1);
    assert!(video.exists(), "the file itself is not the cache's");
}

#[test]
fn with_a_plan_what_is_used_sooner_stays() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    let put = |name: &str| cache.put(&key(name), &[0; 50], 1.0, "");
    assert!(put("later") && put("soon"));
    cache.begin_plan(["new", "soon", "new", "later"].map(key));
    assert!(content(&cache, "new").is_none());
    assert!(put("new"), "it is used again before `later`");
    assert!(content(&cache, "soon").is_some() && content(&cache, "new").is_some());
    assert!(content(&cache, "later").is_none());
}

#[test]
fn contents_of_files_are_remembered_by_their_marks() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    cache.note_content("1 2 3", "aa");
    cache.note_content("1 2 3", "bb");
    assert_eq!((cache.noted_content("1 2 3").as_deref(), cache.noted_content("4")), (Some("bb"), None));
}

#[test]
fn a_cache_that_cannot_be_written_is_one_that_has_nothing() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    assert!(cache.put(&key("a"), &[0; 50], 1.0, ""));
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    assert!(content(&cache, "a").is_none());
    assert!(!cache.put(&key("b"), &[0; 50], 1.0, ""));
    assert!(cache.trouble().is_some());
    drop(cache);
    let cache = Cache::open(folder.path(), CacheSize(100)).unwrap();
    assert!(cache.put(&key("a"), &[0; 50], 1.0, "") && content(&cache, "a").is_some());
}

#[test]
fn what_is_not_the_caches_stays_where_it_is() {
    let (folder, other) = (fast_folder(), fast_folder());
    let thesis = other.path().join("thesis.txt");
    fs::write(&thesis, "mine").unwrap();
    fs::write(other.path().join("ab".repeat(32)), "mine, too").unwrap();
    drop(Cache::open(folder.path(), CacheSize(1000)).unwrap());
    let entries = folder.path().join("cache/entries");
    std::os::unix::fs::symlink(other.path(), entries.join("ab")).unwrap();
    drop(Cache::open(folder.path(), CacheSize(1000)).unwrap());
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 2);

    fs::remove_dir_all(&entries).unwrap();
    std::os::unix::fs::symlink(other.path(), &entries).unwrap();
    assert!(Cache::open(folder.path(), CacheSize(1000)).is_err());
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 2);
}

#[test]
fn a_pipe_in_the_place_of_an_entry_is_a_miss_and_is_waited_for_by_nobody() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(1000)).unwrap();
    assert!(cache.put(&key("a"), b"whole", 1.0, ""));
    let [file] = files_below(&folder.path().join("cache/entries")).try_into().unwrap();
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    assert_eq!(content(&cache, "a"), None);
    assert!(cache.put(&key("a"), b"whole", 1.0, ""));
    assert_eq!(content(&cache, "a"), Some(b"whole".to_vec()));
}
