//! Finds the reference of a clip.

use std::collections::HashMap;

use vidbench_core::RequestedClip;

use super::Found;

/// How many references are listed when several share a name.
const NAMED: usize = 3;

type Identity<'c> = (&'c str, Option<u64>, Option<u32>);

/// References by every key that a clip may match them with. A key that several share identifies none of them.
pub(super) struct References<'c> {
    identities: HashMap<Identity<'c>, Vec<&'c Found>>,
    paths: HashMap<&'c str, Vec<&'c Found>>,
    stems: HashMap<&'c str, Vec<&'c Found>>,
}

/// The reference of a clip.
pub(super) enum Match<'c> {
    One(&'c Found),
    /// Several references match; the text says why none is taken.
    Several(String),
    None,
}

impl<'c> References<'c> {
    pub(super) fn of(clips: &'c [Found]) -> Self {
        let mut references =
            Self { identities: HashMap::new(), paths: HashMap::new(), stems: HashMap::new() };
        for found in clips {
            if let Some(identity) = identity(&found.clip) {
                references.identities.entry(identity).or_default().push(found);
            }
            references.paths.entry(&found.below).or_default().push(found);
            references.stems.entry(stem(&found.below)).or_default().push(found);
        }
        references
    }

    /// The match of the first key that identifies one reference; if there is none, the first that matches several.
    pub(super) fn find(&self, clip: &Found) -> Match<'c> {
        let identity = identity(&clip.clip).and_then(|identity| self.identities.get(&identity));
        let ways = [
            (identity, "prompt, seed and index"),
            (self.paths.get(clip.below.as_str()), "path"),
            (self.stems.get(stem(&clip.below)), "name"),
        ];
        let ways = || ways.iter().filter_map(|(found, shared)| Some(((*found)?.as_slice(), *shared)));
        let one = ways().find_map(|(found, _)| match found {
            [only] => Some(Match::One(only)),
            _ => None,
        });
        one.or_else(|| ways().next().map(|(found, shared)| Match::Several(several(found, shared))))
            .unwrap_or(Match::None)
    }
}

fn several(found: &[&Found], shared: &str) -> String {
    let names: Vec<&str> = found.iter().take(NAMED).map(|found| found.below.as_str()).collect();
    let more = if found.len() > NAMED { " and more" } else { "" };
    format!("several references share its {shared}: {}{more}", names.join(", "))
}

/// The prompt identifies a clip only together with a seed or an index.
fn identity(clip: &RequestedClip) -> Option<Identity<'_>> {
    let told = clip.seed.is_some() || clip.index.is_some();
    clip.prompt.as_deref().filter(|_| told).map(|prompt| (prompt, clip.seed, clip.index))
}

fn stem(below: &str) -> &str {
    match below.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() => stem,
        Some(_) | None => below,
    }
}
