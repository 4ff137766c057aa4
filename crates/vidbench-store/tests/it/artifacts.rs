//! Files under the hash of their content.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vidbench_core::plan::sha256_hex;
use vidbench_store::StoreError;

use crate::fixtures::{adopt, id, store, store_with_run};

#[test]
fn an_adopted_file_is_found_under_its_hash() {
    let (folder, store) = store();
    let content = vec![7; 200_000];
    let artifact = adopt(&store, &content);
    assert_eq!((artifact.sha256.clone(), artifact.bytes), (sha256_hex(&content), 200_000));
    let expected = format!("artifacts/{}/{}.mp4", &artifact.sha256[..2], artifact.sha256);
    assert_eq!(artifact.path, folder.path().canonicalize().unwrap().join(expected));
    assert_eq!(store.artifact_path(&artifact.sha256).unwrap(), artifact.path);
    assert_eq!(fs::read(&artifact.path).unwrap(), content);
    assert_eq!(store.verify_artifact(&artifact.sha256).unwrap(), 200_000);
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn the_same_content_twice_is_one_file() {
    let (folder, store) = store();
    assert_eq!(adopt(&store, b"same"), adopt(&store, b"same"));
    let prefixes = fs::read_dir(folder.path().join("artifacts")).unwrap();
    assert_eq!(
        prefixes.map(|prefix| fs::read_dir(prefix.unwrap().path()).unwrap().count()).sum::<usize>(),
        1
    );
}

#[test]
fn a_truncated_artifact_is_detected_and_healed_by_the_same_content() {
    let (_folder, store) = store();
    let artifact = adopt(&store, b"whole file");
    fs::write(&artifact.path, b"whole").unwrap();
    let error = store.verify_artifact(&artifact.sha256).unwrap_err();
    assert!(matches!(error, StoreError::ArtifactDamaged { .. }), "{error}");
    assert!(error.to_string().contains("5 bytes"), "{error}");
    adopt(&store, b"whole file");
    store.verify_artifact(&artifact.sha256).unwrap();
}

#[test]
fn one_flipped_bit_is_detected() {
    let (_folder, store) = store();
    let artifact = adopt(&store, b"whole file");
    fs::write(&artifact.path, b"whole fild").unwrap();
    assert!(matches!(store.verify_artifact(&artifact.sha256), Err(StoreError::ArtifactDamaged { .. })));
}

#[test]
fn a_missing_artifact_is_named() {
    let (_folder, store) = store();
    let error = store.verify_artifact(&sha256_hex(b"nothing")).unwrap_err();
    assert!(matches!(error, StoreError::ArtifactMissing { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_hash_cannot_lead_out_of_the_folder() {
    let (_folder, store) = store();
    for bad in ["", "../../etc/passwd", &"A".repeat(64), &"0".repeat(63), &"0".repeat(66)] {
        assert!(matches!(store.artifact_path(bad), Err(StoreError::BadHash { .. })), "{bad}");
    }
}

#[test]
fn temporary_names_cannot_lead_out_of_their_folder() {
    let (folder, store, run) = store_with_run(1);
    let path = store.temp_path(&run.id, "0001-a_b.mp4").unwrap();
    assert!(path.starts_with(folder.path().canonicalize().unwrap().join("tmp/r1")));
    for bad in ["", ".", "..", "../x", "a/b", "/etc/x", "a\0", ".x", &"x".repeat(129)] {
        assert!(matches!(store.temp_path(&id("r1"), bad), Err(StoreError::BadTempName { .. })), "{bad:?}");
    }
}

#[test]
fn only_regular_files_are_adopted() {
    let (folder, store) = store();
    let link = folder.path().join("tmp/link.mp4");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    assert!(matches!(store.adopt_artifact(&link), Err(StoreError::BadFile { .. })));
    assert!(matches!(store.adopt_artifact(&folder.path().join("tmp")), Err(StoreError::BadFile { .. })));
    let error = store.adopt_artifact(&folder.path().join("tmp/none.mp4")).unwrap_err();
    assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
}

#[test]
fn a_file_with_another_name_elsewhere_is_not_adopted_and_keeps_its_modes() {
    let (folder, store) = store();
    let precious = folder.path().join("precious");
    fs::write(&precious, b"mine").unwrap();
    fs::set_permissions(&precious, fs::Permissions::from_mode(0o640)).unwrap();
    let linked = folder.path().join("tmp/linked.mp4");
    fs::hard_link(&precious, &linked).unwrap();
    let error = store.adopt_artifact(&linked).unwrap_err();
    assert!(error.to_string().contains("another hard link"), "{error}");
    assert_eq!(fs::metadata(&precious).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let (folder, store) = store();
    let pipe = folder.path().join("tmp/pipe.mp4");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(matches!(store.adopt_artifact(&pipe), Err(StoreError::BadFile { .. })));
}

#[test]
fn an_adopted_file_is_a_plain_one_whatever_its_modes_were() {
    let (folder, store) = store();
    for (given, wanted) in [(0o6777, 0o644), (0o4400, 0o600), (0o600, 0o600)] {
        let file = folder.path().join("tmp/modes.mp4");
        fs::write(&file, b"modes").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(given)).unwrap();
        let adopted = store.adopt_artifact(&file).unwrap();
        assert_eq!(fs::metadata(&adopted.path).unwrap().permissions().mode() & 0o7777, wanted, "{given:o}");
    }
}

/// A worker that puts a link to a foreign file in the place of its video, again and again, while the video is taken.
#[test]
fn a_file_that_is_swapped_while_it_is_taken_is_refused_or_whole() {
    let (folder, store) = store();
    let secret = folder.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    let (tmp, stop) = (folder.path().join("tmp"), std::sync::atomic::AtomicBool::new(false));
    let (video, fresh) = (tmp.join("video.mp4"), tmp.join("fresh"));
    let good = adopt(&store, b"video");
    let mut refused = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = std::os::unix::fs::symlink(&secret, &fresh).and_then(|()| fs::rename(&fresh, &video));
                let _ = fs::write(&fresh, b"video").and_then(|()| fs::rename(&fresh, &video));
            }
        });
        for _ in 0..300 {
            match store.adopt_artifact(&video) {
                Ok(artifact) => {
                    assert_eq!(artifact, good);
                    assert!(fs::symlink_metadata(&artifact.path).unwrap().is_file());
                }
                Err(StoreError::BadFile { .. } | StoreError::Io { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(refused > 0, "nothing was swapped while it was taken");
    fs::write(&video, b"video").unwrap();
    assert_eq!(store.adopt_artifact(&video).unwrap(), good);
    store.verify_artifact(&good.sha256).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn a_removed_prefix_folder_is_made_again() {
    let (_folder, store) = store();
    let artifact = adopt(&store, b"x");
    fs::remove_file(&artifact.path).unwrap();
    fs::remove_dir(artifact.path.parent().unwrap()).unwrap();
    adopt(&store, b"x");
    store.verify_artifact(&artifact.sha256).unwrap();
}
