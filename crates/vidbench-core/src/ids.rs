//! Identifiers as types, so that one kind cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An identifier does not have the required form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct IdError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the form of `text`.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(IdError { what: $what, text, rule: $rule }) }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(
    /// A model: an entry of the catalogue or a user's own.
    ModelId, "model id", "use 1 to 128 letters, digits and . _ - /",
    |text| is_word(text, 128, "._-/")
);
text_id!(
    /// One execution of a suite.
    RunId, "run id", "use 1 to 64 letters, digits and . _ -",
    |text| is_word(text, 64, "._-")
);
text_id!(
    /// A metric with its version, such as `temporal_flickering@1`; a change of formula bumps the version.
    MetricId, "metric id", "use name@version, such as temporal_flickering@1",
    |text| text.split_once('@').is_some_and(|(name, version)| {
        is_word(name, 64, "._-") && !version.is_empty() && version.len() <= 4 && version.bytes().all(|b| b.is_ascii_digit())
    })
);

fn is_word(text: &str, max: usize, extra: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && text.len() <= max
        && chars.all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

/// Hash of everything that determines a sample: equal ids mean the same sample.
///
/// The first 128 bits of a SHA-256; see [`crate::plan`] for what enters it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct SampleId(pub [u8; 16]);

impl fmt::Display for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for SampleId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError { what: "sample id", text: text.into(), rule: "use 32 hexadecimal digits" };
        if text.len() != 32 || !text.is_ascii() {
            return Err(error());
        }
        let mut bytes = [0; 16];
        for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for SampleId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SampleId> for String {
    fn from(id: SampleId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_ids_carry_a_version() {
        assert!(MetricId::new("ssim@1").is_ok());
        for bad in ["ssim", "ssim@", "@1", "ssim@x", "ssim@1 ", "ss im@1"] {
            assert!(MetricId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn model_ids_cannot_leave_a_folder() {
        for bad in ["", "../x", "/etc", "a b", "a\n", "-rf"] {
            assert!(ModelId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sample_ids_survive_text() {
        let id = SampleId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("07".parse::<SampleId>().is_err());
        assert!("é".repeat(16).parse::<SampleId>().is_err());
    }
}
