//! Weights on this machine: taken from checkpoints, random, damaged, absent.

use std::fs;
use std::path::{Path, PathBuf};

use vidbench_nn::nets::{Skeleton, WeightsFile, random_weights};
use vidbench_nn::{Manifest, NetState, NetStore, NetStoreError, SourceOnDisk, Stamp};

/// A checkpoint of random weights with every tensor of a net.
fn checkpoint(folder: &Path, net: &str, seed: u64) -> PathBuf {
    let path = folder.join(format!("{net}-{seed}.safetensors"));
    WeightsFile::create(&path, &Skeleton::of(net).unwrap(), |spec| Ok(random_weights(spec, seed))).unwrap();
    path
}

/// That checkpoint under the name of a file of the manifest.
fn source<'a>(name: &str, path: &Path) -> SourceOnDisk<'a> {
    let file = Manifest::shipped().file(name).unwrap();
    SourceOnDisk { file, path: path.to_owned(), from: "test".into() }
}

fn stamp() -> Stamp {
    Stamp { made_at: Some("2026-01-31T12:00:00Z".into()), accept_changed: false }
}

fn hint(error: &NetStoreError) -> String {
    error.hint().unwrap_or_default()
}

#[test]
fn a_net_without_weights_names_the_command_that_fetches_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let error = store.ready("raft").unwrap_err();
    assert!(error.to_string().ends_with("nets has no weights of raft"), "{error}");
    assert!(hint(&error).starts_with("`vidbench nets fetch raft` fetches them"), "{error:?}");
    assert_eq!(store.state("raft").unwrap(), NetState::Absent);
    assert!(!store.root().exists(), "looking makes nothing");
    let error = store.ready("raf").unwrap_err();
    assert_eq!(hint(&error), "did you mean \"raft\"?");
}

#[test]
fn weights_taken_from_a_checkpoint_are_ready_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let path = checkpoint(folder.path(), "dino-vitb16", 1);
    let installed =
        store.install("dino-vitb16", &[source("dino_vitbase16_pretrain.pth", &path)], &stamp()).unwrap();
    let ready = store.ready("dino-vitb16").unwrap();
    assert_eq!((&ready.identity, ready.identity.random), (&installed, None));
    assert!(!installed.pinned, "nobody published the hash of that file");
    // Checkpoint and weights are written in the same way.
    assert_eq!(fs::read(ready.weights.path()).unwrap(), fs::read(&path).unwrap());
    assert_eq!(store.verify("dino-vitb16").unwrap(), installed);
    let record = store.record("dino-vitb16").unwrap().unwrap();
    assert_eq!(record.made_at.as_deref(), Some("2026-01-31T12:00:00Z"));
    assert_eq!(store.recorded_sha256("dino_vitbase16_pretrain.pth"), Some(record.files[0].sha256.clone()));
}

#[test]
fn weights_that_changed_on_the_disk_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path());
    store.install_random("aesthetic-head", 4, &stamp()).unwrap();
    let store = store.random(4);
    let path = store.ready("aesthetic-head").unwrap().weights.path().to_owned();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    for error in [store.ready("aesthetic-head").unwrap_err(), store.verify("aesthetic-head").unwrap_err()] {
        assert!(error.to_string().contains("is damaged: its SHA-256 is"), "{error}");
    }
    let error = store.verify("aesthetic-head").unwrap_err();
    assert_eq!(hint(&error), "`vidbench nets random aesthetic-head --seed 4` generates them again");
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(store.ready("aesthetic-head").is_ok(), "the file is as it was");
    fs::write(&path, [&bytes[..], b"more"].concat()).unwrap();
    assert!(matches!(store.ready("aesthetic-head"), Err(NetStoreError::Damaged { .. })));
    fs::write(&path, &bytes[..100]).unwrap();
    assert!(matches!(store.state("aesthetic-head").unwrap(), NetState::Damaged(_)));
    fs::write(path.with_file_name("source.json"), "{").unwrap();
    assert!(matches!(store.ready("aesthetic-head"), Err(NetStoreError::Damaged { .. })));
}

#[test]
fn random_weights_are_made_when_they_are_first_asked_for_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let real = NetStore::at(folder.path());
    let identity = real.random(7).ready("aesthetic-head").unwrap().identity;
    assert_eq!((identity.random, identity.pinned), (Some(7), false));
    assert!(folder.path().join("random-7/aesthetic-head/weights.safetensors").is_file());
    assert_eq!(
        real.state("aesthetic-head").unwrap(),
        NetState::Absent,
        "random weights are never taken for real ones"
    );
    assert_eq!(real.random(7).ready("aesthetic-head").unwrap().identity, identity);
    assert_ne!(real.random(8).ready("aesthetic-head").unwrap().identity.sha256, identity.sha256);
}

#[test]
fn threads_that_ask_at_once_get_the_same_random_weights() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path()).random(1);
    let ready = || store.ready("lpips-squeeze").unwrap().identity;
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(ready)).collect();
        let identities: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        assert!(identities.iter().all(|identity| *identity == identities[0]));
    });
    store.verify("lpips-squeeze").unwrap();
}

/// Puts a prefix in front of each name in a safetensors file.
fn renamed(path: &Path, prefix: &str) {
    let bytes = fs::read(path).unwrap();
    let len = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    let header: serde_json::Map<_, _> =
        header.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect();
    let header = serde_json::to_vec(&header).unwrap();
    fs::write(path, [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + len..]].concat()).unwrap();
}

#[test]
fn what_the_manifest_says_names_begin_with_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let path = checkpoint(folder.path(), "amt-s", 1);
    let plain = store.install("amt-s", &[source("amt-s.pth", &path)], &stamp()).unwrap();
    renamed(&path, "state_dict.");
    let changed = Stamp { accept_changed: true, ..stamp() };
    assert_eq!(store.install("amt-s", &[source("amt-s.pth", &path)], &changed).unwrap(), plain);
    renamed(&path, "other.");
    let error = store.install("amt-s", &[source("amt-s.pth", &path)], &changed).unwrap_err();
    assert!(error.to_string().starts_with("amt-s cannot be read from amt-s.pth: no tensor"), "{error}");
}

#[test]
fn a_checkpoint_of_another_net_is_refused_by_its_first_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let squeeze = checkpoint(folder.path(), "lpips-squeeze", 1);
    // The names of the manifest's files have hashes; that of DINO has none.
    let error = store
        .install("dino-vitb16", &[source("dino_vitbase16_pretrain.pth", &squeeze)], &stamp())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "dino-vitb16 cannot be read from dino_vitbase16_pretrain.pth: no tensor \"cls_token\" [1, 1, 768]"
    );
    assert_eq!(hint(&error), "the weights of dino-vitb16 are in dino_vitbase16_pretrain.pth");
    let error = store
        .install("lpips-alex", &[source("dino_vitbase16_pretrain.pth", &squeeze)], &stamp())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "lpips-alex cannot be read from dino_vitbase16_pretrain.pth: \"features.0.weight\" is [64, 3, 3, 3], expected [64, 3, 11, 11]"
    );
    assert_eq!(store.state("lpips-alex").unwrap(), NetState::Absent);
}

#[test]
fn a_file_that_is_not_the_one_meant_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let path = folder.path().join("file");
    fs::write(&path, "not a checkpoint").unwrap();
    let refused =
        |net: &str, name: &str| store.install(net, &[source(name, &path)], &stamp()).unwrap_err().to_string();
    assert!(refused("lpips-alex", "alex.pth").ends_with("is not alex.pth: it has 16 bytes, expected 6009"));
    let hash = refused("clip-vit-b32-text", "ViT-B-32.pt");
    assert!(hash.contains("is not ViT-B-32.pt: its SHA-256 is") && hash.contains("40d36571"), "{hash}");
    assert!(refused("musiq-spaq", "musiq_spaq_ckpt-358bb6af.pth").contains("expected 358bb6af"));
    assert!(refused("i3d-400", "i3d_pretrained_400.pt").contains("its git SHA-1 is"));
    let error =
        store.install("dino-vitb16", &[source("dino_vitbase16_pretrain.pth", &path)], &stamp()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it is not a file written by safetensors, torch.save, torch.jit.save or numpy.savez")
    );
}

#[test]
fn a_file_without_a_published_hash_must_stay_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = NetStore::at(folder.path().join("nets"));
    let install = |seed: u64, accept_changed: bool| {
        let path = checkpoint(folder.path(), "amt-s", seed);
        store.install("amt-s", &[source("amt-s.pth", &path)], &Stamp { accept_changed, ..stamp() })
    };
    let first = install(1, false).unwrap();
    assert_eq!(install(1, false).unwrap(), first);
    let error = install(2, false).unwrap_err();
    assert!(error.to_string().starts_with("amt-s.pth has changed: its SHA-256 is"), "{error}");
    assert!(hint(&error).contains("--accept-changed"));
    assert_eq!(store.verify("amt-s").unwrap(), first, "what was there stays");
    assert_ne!(install(2, true).unwrap(), first);
}
