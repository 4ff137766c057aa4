//! Known prompts, indexed so that they can be found in names.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::stem::{last_component, split_extension, split_index};
use super::{Candidate, ClipName, ClipNameError, MAX_NAME_BYTES, NameMatch, VBENCH2_PROMPT_CHARS};

/// Characters that NTFS or a common sampling script does not allow in a name. Control characters count too.
const FORBIDDEN: &str = "/\\:*?\"<>|";

/// The kinds of match that are a single look-up of a folded text, the most certain first.
const FOLDED: [NameMatch; 4] = [NameMatch::Exact, NameMatch::Unicode, NameMatch::Replaced, NameMatch::Case];

/// The longest `-{index}.{extension}` by which a name that was cut to [`MAX_NAME_BYTES`] may differ from the text before it.
const CUT_SLACK_BYTES: usize = 3;

/// A list of prompts and the text that stands between prompt and number (VBench's `special_str`, mostly empty).
#[derive(Debug, Clone)]
pub struct KnownPrompts {
    /// Distinct prompts, sorted.
    prompts: Vec<String>,
    special: String,
    /// For each kind of [`FOLDED`]: maps the folded prompt with the special text to the indices of its prompts.
    folded: [BTreeMap<String, Vec<usize>>; 4],
    /// Prompts longer than [`VBENCH2_PROMPT_CHARS`], cut there and folded as [`NameMatch::Replaced`].
    cut: BTreeMap<String, Vec<usize>>,
}

impl KnownPrompts {
    /// Prepares `prompts`; a text that is given twice is one prompt.
    pub fn new<'a>(prompts: impl IntoIterator<Item = &'a str>, special: &str) -> Self {
        let distinct: BTreeSet<&str> = prompts.into_iter().collect();
        let prompts: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
        let folded =
            FOLDED.map(|how| index_by(&prompts, |text| Some(fold(how, &format!("{text}{special}")))));
        let cut = index_by(&prompts, |text| {
            let (at, _) = text.char_indices().nth(VBENCH2_PROMPT_CHARS)?;
            Some(fold(NameMatch::Replaced, &format!("{}{special}", text.get(..at)?)))
        });
        Self { prompts, special: special.to_owned(), folded, cut }
    }

    /// The distinct prompts, sorted.
    pub fn prompts(&self) -> &[String] {
        &self.prompts
    }

    /// Reads prompt and index from a file; folders before the name are ignored.
    ///
    /// # Errors
    /// No known prompt matches, or the most certain kind of match has more than one reading.
    pub fn read(&self, path: &str) -> Result<ClipName, ClipNameError> {
        let name = last_component(path);
        let (stem, _) = split_extension(name);
        let readings = readings(stem);
        for (how, index) in FOLDED.into_iter().zip(&self.folded) {
            if let Some(found) = self.decide(how, &readings, |text| lookup(index, &fold(how, text)))? {
                return Ok(found);
            }
        }
        if let Some(found) = self.decide(NameMatch::Cut, &readings, |text| self.longer_than(text, name))? {
            return Ok(found);
        }
        let text = readings.first().map_or(stem, |(text, _)| *text);
        Err(if text.is_empty() {
            ClipNameError::Empty
        } else {
            ClipNameError::UnknownPrompt { text: text.to_owned() }
        })
    }

    /// Groups of prompts whose clips have the same file name where case is ignored, such as "A fantasy landscape" and
    /// "a fantasy landscape"; also those that differ only in Unicode form or in forbidden characters.
    pub fn colliding(&self) -> Vec<Vec<&str>> {
        let [.., by_case] = &self.folded;
        let groups = by_case.values().filter(|group| group.len() > 1);
        groups.map(|group| self.texts(group).collect()).collect()
    }

    /// Collects the prompts that `find` gives for any reading: none is `None`, one is the result, more are an error.
    fn decide(
        &self,
        how: NameMatch,
        readings: &[(&str, Option<u32>)],
        find: impl Fn(&str) -> Vec<usize>,
    ) -> Result<Option<ClipName>, ClipNameError> {
        let found = readings.iter().flat_map(|&(text, index)| {
            let prompts = find(text);
            let texts: Vec<String> = self.texts(&prompts).map(str::to_owned).collect();
            texts.into_iter().map(move |prompt| Candidate { prompt, index })
        });
        let mut found: Vec<Candidate> = found.collect();
        found.sort();
        if found.len() > 1 {
            return Err(ClipNameError::Ambiguous { candidates: found });
        }
        Ok(found.pop().map(|Candidate { prompt, index }| ClipName { prompt, index, how }))
    }

    fn texts<'a>(&'a self, at: &'a [usize]) -> impl Iterator<Item = &'a str> {
        at.iter().filter_map(|&at| self.prompts.get(at)).map(String::as_str)
    }

    /// Prompts that a name may be the truncated beginning of.
    fn longer_than(&self, text: &str, name: &str) -> Vec<usize> {
        let text = fold(NameMatch::Replaced, text);
        let mut found = lookup(&self.cut, &text);
        let full = name.len() + CUT_SLACK_BYTES >= MAX_NAME_BYTES && name.len() <= MAX_NAME_BYTES;
        if full && let Some(start) = text.strip_suffix(&self.special).filter(|start| !start.is_empty()) {
            let [_, _, replaced, _] = &self.folded;
            let longer =
                replaced.range(start.to_owned()..).take_while(|(prompt, _)| prompt.starts_with(start));
            found.extend(longer.flat_map(|(_, at)| at));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The ways to split a stem into text and number: with the number at its end, and without one.
pub(super) fn readings(stem: &str) -> Vec<(&str, Option<u32>)> {
    let numbered = split_index(stem).map(|(text, index)| (text, Some(index)));
    numbered.into_iter().chain([(stem, None)]).collect()
}

/// Folds a text so that all spellings of one kind become equal. Each kind includes those before it.
fn fold(how: NameMatch, text: &str) -> String {
    match how {
        NameMatch::Exact | NameMatch::Cut | NameMatch::Convention => text.to_owned(),
        NameMatch::Unicode => text.nfc().collect(),
        NameMatch::Replaced => text.nfc().map(allowed).collect(),
        NameMatch::Case => text.nfc().map(allowed).flat_map(char::to_lowercase).nfc().collect(),
    }
}

fn allowed(c: char) -> char {
    if FORBIDDEN.contains(c) || c.is_control() { '_' } else { c }
}

fn index_by(prompts: &[String], key: impl Fn(&str) -> Option<String>) -> BTreeMap<String, Vec<usize>> {
    let mut index: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, prompt) in prompts.iter().enumerate() {
        if let Some(key) = key(prompt) {
            index.entry(key).or_default().push(at);
        }
    }
    index
}

fn lookup(index: &BTreeMap<String, Vec<usize>>, key: &str) -> Vec<usize> {
    index.get(key).cloned().unwrap_or_default()
}
