//! Files under the hash of their content.

use std::fs;

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
fn a_removed_prefix_folder_is_made_again() {
    let (_folder, store) = store();
    let artifact = adopt(&store, b"x");
    fs::remove_file(&artifact.path).unwrap();
    fs::remove_dir(artifact.path.parent().unwrap()).unwrap();
    adopt(&store, b"x");
    store.verify_artifact(&artifact.sha256).unwrap();
}
