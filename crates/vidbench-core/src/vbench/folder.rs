//! Compares the names in a folder of videos with a suite.
//!
//! VBench looks for `{prompt}-{i}{suffix}` with the exact characters of the prompt and `i` from 0 to 4. As `suffix` it
//! uses the suffix of the entry that `os.listdir` happens to give first. It prints a warning for a clip that it does
//! not find, and scores the others.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Dimension, FLICKERING_CLIPS_PER_PROMPT, FullInfo, PromptEntry};
use crate::clip_name::{
    Collision, IgnoredFile, NameMatch, NamedClip, UnreadableName, last_component, read_listing,
    split_extension,
};

/// What a folder should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedClips {
    /// The dimensions whose prompts count.
    pub dimensions: Vec<Dimension>,
    /// Clips of each prompt, numbered from 0; VBench scores [`super::CLIPS_PER_PROMPT`].
    pub clips_per_prompt: u32,
}

/// How the folder is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Each clip is looked for in the whole folder.
    Flat,
    /// Subfolders are named after dimensions, as in VBench's own sampled videos: the clips of an entry are looked for
    /// in the subfolders of its dimensions.
    Grouped,
}

/// What was found and what is missing. Each list is sorted by file or in the order of the suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FolderCheck {
    /// How the folder is laid out.
    pub layout: Layout,
    /// Prompts of the chosen dimensions; in a flat folder a prompt that is in the suite twice counts once.
    pub prompts: u64,
    /// Clips that should be there.
    pub wanted: u64,
    /// How many of these are there.
    pub found: u64,
    /// Prompts without all their clips.
    pub shortages: Vec<PromptShortage>,
    /// Files for clips that should be there.
    pub clips: Vec<NamedClip>,
    /// The files among `clips` that VBench does not find, because their names are not the prompt's own characters.
    pub renamed: Vec<NamedClip>,
    /// Files that claim to be the same clip.
    pub collisions: Vec<Collision>,
    /// Videos of wanted prompts without a number.
    pub unnumbered: Vec<String>,
    /// Videos whose names give no prompt, or more than one.
    pub unreadable: Vec<UnreadableName>,
    /// Files that are not videos.
    pub ignored: Vec<IgnoredFile>,
    /// Folders in which VBench may take the suffix of another file.
    pub suffix_traps: Vec<SuffixTrap>,
    /// Clips of wanted prompts whose number is higher than wanted.
    pub extra: u64,
    /// Clips of prompts outside the chosen dimensions.
    pub other: u64,
    /// Prompts of temporal_flickering with fewer than [`FLICKERING_CLIPS_PER_PROMPT`] clips, when that dimension was
    /// chosen; VBench-I2V has no static filter.
    pub few_for_static_filter: Option<u64>,
    /// Groups of chosen prompts whose clips have the same file names where case is ignored.
    pub case_twins: Vec<Vec<String>>,
}

/// A prompt without all its clips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptShortage {
    /// The prompt.
    pub prompt: String,
    /// The chosen dimensions that lack the clips.
    pub dimensions: Vec<Dimension>,
    /// The subfolder it belongs in, when the folder has subfolders.
    pub folder: Option<String>,
    /// The numbers that are missing; all of them for a prompt without a clip.
    pub missing: Vec<u32>,
    /// Clips that are there.
    pub found: u32,
}

/// A folder whose entries have more than one suffix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuffixTrap {
    /// The folder, relative to the one that was named; empty for that folder itself.
    pub folder: String,
    /// The suffix of most clips, with its dot.
    pub suffix: String,
    /// Entries with another suffix; if `os.listdir` gives one of them first, VBench finds no clip with `suffix`.
    pub others: Vec<String>,
}

/// A prompt, with the place where its clips should be.
struct Place<'s> {
    prompt: &'s str,
    /// Every chosen dimension that wants it there.
    dimensions: BTreeSet<Dimension>,
    /// Names of the subfolders it may be in; none in a flat folder.
    folders: Option<Vec<&'static str>>,
}

impl Place<'_> {
    fn holds(&self, file: &str) -> bool {
        self.folders.as_ref().is_none_or(|names| names.contains(&last_component(folder_of(file))))
    }
}

/// Compares the entries of a folder with a suite. `entries` are paths relative to the folder with `/` between their
/// parts, including hidden files; a path that ends in `/` is a folder.
pub fn check_folder<'a>(
    suite: &FullInfo,
    wanted: &WantedClips,
    entries: impl IntoIterator<Item = &'a str>,
) -> FolderCheck {
    let entries: BTreeSet<&str> = entries.into_iter().collect();
    let known = suite.known_prompts();
    let listing = read_listing(entries.iter().copied().filter(|entry| !entry.ends_with('/')), Some(&known));
    let layout = layout(&listing.clips);
    let places = places(suite, wanted, layout);
    let mut by_prompt: BTreeMap<&str, Vec<&NamedClip>> = BTreeMap::new();
    for clip in &listing.clips {
        by_prompt.entry(&clip.name.prompt).or_default().push(clip);
    }
    let mut check = FolderCheck {
        layout,
        prompts: places.len() as u64,
        wanted: places.len() as u64 * u64::from(wanted.clips_per_prompt),
        found: 0,
        shortages: Vec::new(),
        clips: Vec::new(),
        renamed: Vec::new(),
        collisions: Vec::new(),
        unnumbered: Vec::new(),
        unreadable: listing.unreadable,
        ignored: listing.ignored,
        suffix_traps: Vec::new(),
        extra: 0,
        other: 0,
        few_for_static_filter: if suite.is_i2v() { None } else { few_for_static_filter(&places, &by_prompt) },
        case_twins: case_twins(known.colliding(), &places),
    };
    let mut placed = BTreeSet::new();
    for place in &places {
        let there = by_prompt.get(place.prompt).into_iter().flatten().copied();
        let there: Vec<&NamedClip> = there.filter(|clip| place.holds(&clip.file)).collect();
        placed.extend(there.iter().map(|clip| clip.file.as_str()));
        check.take(place, &there, wanted.clips_per_prompt);
    }
    check.other = (listing.clips.len() - placed.len()) as u64;
    check.clips.sort_by(|a, b| a.file.cmp(&b.file));
    check.unnumbered.sort();
    check.renamed = check.clips.iter().filter(|clip| clip.name.how != NameMatch::Exact).cloned().collect();
    check.suffix_traps = suffix_traps(&check.clips, &entries);
    check
}

impl FolderCheck {
    /// Counts the clips of one place.
    fn take(&mut self, place: &Place<'_>, there: &[&NamedClip], clips_per_prompt: u32) {
        let mut by_index: BTreeMap<u32, Vec<&NamedClip>> = BTreeMap::new();
        for &clip in there {
            match clip.name.index {
                None => self.unnumbered.push(clip.file.clone()),
                Some(index) if index >= clips_per_prompt => self.extra += 1,
                Some(index) => by_index.entry(index).or_default().push(clip),
            }
        }
        let missing: Vec<u32> = (0..clips_per_prompt).filter(|index| !by_index.contains_key(index)).collect();
        let found = by_index.len() as u32;
        self.found += u64::from(found);
        if !missing.is_empty() {
            self.shortages.push(PromptShortage {
                prompt: place.prompt.to_owned(),
                dimensions: place.dimensions.iter().copied().collect(),
                folder: place.folders.as_ref().and_then(|names| names.first()).map(|&name| name.to_owned()),
                missing,
                found,
            });
        }
        for (index, clips) in by_index {
            if clips.len() > 1 {
                let prompt = place.prompt.to_owned();
                let files = clips.iter().map(|clip| clip.file.clone()).collect();
                self.collisions.push(Collision { prompt, index: Some(index), files });
            }
            self.clips.extend(clips.into_iter().cloned());
        }
    }
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn layout(clips: &[NamedClip]) -> Layout {
    let named = |clip: &NamedClip| {
        let folder = last_component(folder_of(&clip.file));
        Dimension::ALL.into_iter().any(|dimension| dimension.key() == folder)
    };
    if clips.iter().any(named) { Layout::Grouped } else { Layout::Flat }
}

/// Every prompt of the chosen dimensions with its place, in the order of the suite.
fn places<'s>(suite: &'s FullInfo, wanted: &WantedClips, layout: Layout) -> Vec<Place<'s>> {
    let mut places: Vec<Place<'s>> = Vec::new();
    let mut first_of: BTreeMap<(&str, Option<Vec<&'static str>>), usize> = BTreeMap::new();
    for entry in suite.entries() {
        let chosen = entry.dimensions.iter().filter(|dimension| wanted.dimensions.contains(dimension));
        let chosen: BTreeSet<Dimension> = chosen.copied().collect();
        if chosen.is_empty() {
            continue;
        }
        let folders = (layout == Layout::Grouped).then(|| folders(entry));
        let at = *first_of.entry((&entry.prompt_en, folders.clone())).or_insert(places.len());
        match places.get_mut(at) {
            Some(place) => place.dimensions.extend(chosen),
            None => places.push(Place { prompt: &entry.prompt_en, dimensions: chosen, folders }),
        }
    }
    places
}

/// VBench names the folder of a group by the first dimension of its entries.
fn folders(entry: &PromptEntry) -> Vec<&'static str> {
    entry.dimensions.iter().map(|dimension| dimension.key()).collect()
}

fn few_for_static_filter(places: &[Place<'_>], by_prompt: &BTreeMap<&str, Vec<&NamedClip>>) -> Option<u64> {
    let flickering = |place: &&Place<'_>| place.dimensions.contains(&Dimension::TemporalFlickering);
    places.iter().any(|place| flickering(&place)).then(|| {
        let few = |place: &&Place<'_>| {
            let clips = by_prompt.get(place.prompt).into_iter().flatten();
            clips.filter(|clip| place.holds(&clip.file)).count() < FLICKERING_CLIPS_PER_PROMPT as usize
        };
        places.iter().filter(flickering).filter(few).count() as u64
    })
}

fn case_twins(groups: Vec<Vec<&str>>, places: &[Place<'_>]) -> Vec<Vec<String>> {
    let chosen: BTreeSet<&str> = places.iter().map(|place| place.prompt).collect();
    let groups = groups.into_iter().filter(|group| group.iter().all(|prompt| chosen.contains(prompt)));
    groups.map(|group| group.into_iter().map(str::to_owned).collect()).collect()
}

/// Python's `Path(name).suffix`: the last dot and the text after it; empty for a name whose only dot is its first
/// character.
fn suffix(name: &str) -> String {
    match split_extension(name).1 {
        "" => String::new(),
        extension => format!(".{extension}"),
    }
}

fn suffix_traps(clips: &[NamedClip], entries: &BTreeSet<&str>) -> Vec<SuffixTrap> {
    let mut counts: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for clip in clips {
        let folder = counts.entry(folder_of(&clip.file)).or_default();
        *folder.entry(suffix(last_component(&clip.file))).or_default() += 1;
    }
    let trap = |(folder, suffixes): (&str, BTreeMap<String, usize>)| {
        let (most, _) = suffixes.into_iter().max_by_key(|(_, count)| *count)?;
        let names = entries.iter().map(|entry| entry.trim_end_matches('/'));
        let inside = names.filter(|name| folder_of(name) == folder && suffix(last_component(name)) != most);
        let others: Vec<String> = inside.map(str::to_owned).collect();
        let folder = folder.to_owned();
        (!others.is_empty()).then_some(SuffixTrap { folder, suffix: most, others })
    };
    counts.into_iter().filter_map(trap).collect()
}
