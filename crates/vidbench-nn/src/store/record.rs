//! `source.json`: where the weights of a net come from.

use serde::{Deserialize, Serialize};

use super::WeightsIdentity;

pub(super) const SCHEMA_VERSION: u32 = 1;

/// The record that is kept beside weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Version of this form.
    pub schema_version: u32,
    /// The net.
    pub net: String,
    /// The files that the weights were taken from; none where they are random.
    pub files: Vec<RecordedFile>,
    /// Whether the hash of each was known beforehand.
    pub pinned: bool,
    /// The seed of random weights.
    pub random: Option<u64>,
    /// Hash of the stored weights, in hexadecimal.
    pub weights_sha256: String,
    /// Their length.
    pub weights_bytes: u64,
    /// When they were written, as the caller says.
    pub made_at: Option<String>,
    /// The version of vidbench that wrote them.
    pub vidbench: String,
}

/// A file that weights were taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// Name in the manifest.
    pub name: String,
    /// Address it was fetched from, or the name of the file that was imported.
    pub from: String,
    /// Hash, in hexadecimal.
    pub sha256: String,
    /// Length.
    pub size_bytes: u64,
    /// Whether the hash was known beforehand.
    pub pinned: bool,
}

impl SourceRecord {
    /// Reads a record and checks that it is about that net.
    pub(super) fn parse(text: &str, net: &str) -> Result<Self, String> {
        let record: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if record.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "it has version {}, this vidbench reads {SCHEMA_VERSION}",
                record.schema_version
            ));
        }
        if record.net != net {
            return Err(format!("it is for {:?}", record.net));
        }
        let hash = &record.weights_sha256;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{hash:?} is not a SHA-256"));
        }
        Ok(record)
    }

    /// Which weights they are.
    pub fn identity(&self) -> WeightsIdentity {
        WeightsIdentity {
            net: self.net.clone(),
            sha256: self.weights_sha256.clone(),
            pinned: self.pinned,
            random: self.random,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_net_version_or_form_is_refused() {
        let sound = format!(
            r#"{{"schema_version":1,"net":"raft","files":[],"pinned":true,"random":null,"weights_sha256":"{}",
               "weights_bytes":4,"made_at":null,"vidbench":"0.1.0","of a later version":1}}"#,
            "0".repeat(64)
        );
        assert!(SourceRecord::parse(&sound, "raft").unwrap().pinned);
        let refused = |text: &str, net: &str| SourceRecord::parse(text, net).unwrap_err();
        assert_eq!(refused(&sound, "amt-s"), "it is for \"raft\"");
        let newer = sound.replace("\"schema_version\":1", "\"schema_version\":2");
        assert_eq!(refused(&newer, "raft"), "it has version 2, this vidbench reads 1");
        assert!(refused(&sound.replace("00000", "x"), "raft").ends_with("is not a SHA-256"));
        assert!(refused("{", "raft").contains("EOF"));
    }
}
