//! Chooses nets by their names and by names of bundles.

use vidbench_core::nearest;
use vidbench_nn::{Manifest, NetEntry};

/// A name of neither a net nor a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no net or bundle {name:?}")]
pub struct NetChoiceError {
    name: String,
}

impl NetChoiceError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        let manifest = Manifest::shipped();
        let bundles: Vec<_> = manifest.bundles().collect();
        let names = manifest.nets().map(|net| net.name.as_str());
        let near = nearest(&self.name, names.chain(bundles.iter().map(|bundle| bundle.name.as_str())));
        let suggestion = near.map(|near| format!("did you mean {near:?}?"));
        suggestion.into_iter().chain(["`vidbench nets list` lists nets and bundles".to_owned()]).collect()
    }
}

/// The nets that names and bundles stand for, in the order given, each once.
///
/// # Errors
///
/// [`NetChoiceError`] for the first unknown name.
pub fn choose_nets(names: &[String]) -> Result<Vec<&'static NetEntry>, NetChoiceError> {
    let manifest = Manifest::shipped();
    let mut chosen: Vec<&'static NetEntry> = Vec::new();
    for name in names {
        let bundle = manifest.bundles().find(|bundle| bundle.name == *name);
        let members = bundle.map_or_else(|| vec![name.clone()], |bundle| bundle.nets);
        for member in members {
            let net = manifest.net(&member).ok_or_else(|| NetChoiceError { name: name.clone() })?;
            if !chosen.iter().any(|known| known.name == net.name) {
                chosen.push(net);
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str]) -> Result<Vec<&'static str>, NetChoiceError> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        Ok(choose_nets(&wanted)?.into_iter().map(|net| net.name.as_str()).collect())
    }

    #[test]
    fn bundles_stand_for_their_nets_and_nothing_comes_twice() {
        assert_eq!(
            names(&["lpips-vgg", "lpips", "raft"]).unwrap(),
            ["lpips-vgg", "lpips-alex", "lpips-squeeze", "raft"]
        );
        assert_eq!(names(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        let error = names(&["raft", "lpip"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no net or bundle \"lpip\"");
        assert_eq!(error.hints()[0], "did you mean \"lpips\"?");
    }
}
