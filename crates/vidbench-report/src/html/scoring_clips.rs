//! The clips that the page of a scoring shows, chosen in one pass over all clips: the first rows and the first
//! failures.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use vidbench_analysis::FailedClip;
use vidbench_core::{RequestedClip, ScoredClip, ScoringRequest};

/// Most rows of clips, and of failures, in the page.
const MAX_ROWS: usize = 200;

/// Identifies clips shown side by side: those of one prompt, seed and index, or of one file name without its extension.
type RowKey<'r> = (&'r str, Option<u64>, Option<u32>);

/// The part of a scoring's clips that its page shows.
#[derive(Debug)]
pub struct ScoringClips<'r> {
    request: &'r ScoringRequest,
    columns: HashMap<&'r str, usize>,
    /// How many clips with one key a column has so far. Each further one begins a row of its own, such as `a.webm`
    /// after `a.mp4`.
    repeats: HashMap<(RowKey<'r>, usize), u32>,
    /// Index of every row, shown or not.
    places: HashMap<(RowKey<'r>, u32), usize>,
    rows: Vec<ShownRow<'r>>,
    all_failed: u64,
    failed: Vec<FailedClip>,
}

/// The clips of one row.
#[derive(Debug)]
pub struct ShownRow<'r> {
    pub(super) key: RowKey<'r>,
    /// Clips by column. A map, because there may be a folder, and so a column, for every clip.
    cells: BTreeMap<usize, ScoredClip>,
}

impl<'r> ScoringClips<'r> {
    /// A selection that has not seen any clip.
    pub fn new(request: &'r ScoringRequest) -> Self {
        let mut columns = HashMap::new();
        for clip in &request.clips {
            let next = columns.len();
            columns.entry(clip.group.as_str()).or_insert(next);
        }
        let (repeats, places) = (HashMap::new(), HashMap::new());
        Self { request, columns, repeats, places, rows: Vec::new(), all_failed: 0, failed: Vec::new() }
    }

    /// Takes the next clip, in the order of the request, and keeps it if it is shown.
    pub fn add(&mut self, clip: &ScoredClip) {
        if let Some(failed) = FailedClip::of(clip) {
            self.add_failed(failed);
        }
        let Some(asked) = self.request.clip(clip.ordinal) else { return };
        let Some(column) = self.columns.get(asked.group.as_str()).copied() else { return };
        let (key, next) = (row_key(asked), self.places.len());
        let repeats = self.repeats.entry((key, column)).or_default();
        let repeat = *repeats;
        *repeats += 1;
        let at = match self.places.entry((key, repeat)) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                if next < MAX_ROWS {
                    self.rows.push(ShownRow { key, cells: BTreeMap::new() });
                }
                *place.insert(next)
            }
        };
        if let Some(row) = self.rows.get_mut(at) {
            row.cells.insert(column, clip.clone());
        }
    }

    fn add_failed(&mut self, clip: FailedClip) {
        self.all_failed += 1;
        if self.failed.len() < MAX_ROWS {
            self.failed.push(clip);
        }
    }

    /// The rows that are shown, in the order of their first clips.
    pub fn rows(&self) -> &[ShownRow<'r>] {
        &self.rows
    }

    pub(super) fn all_rows(&self) -> usize {
        self.places.len()
    }

    pub(super) fn failed(&self) -> &[FailedClip] {
        &self.failed
    }

    pub(super) fn all_failed(&self) -> u64 {
        self.all_failed
    }
}

impl ShownRow<'_> {
    /// The clips of the row, in the order of the columns.
    pub fn clips(&self) -> impl Iterator<Item = &ScoredClip> {
        self.cells.values()
    }

    pub(super) fn clip_in(&self, column: usize) -> Option<&ScoredClip> {
        self.cells.get(&column)
    }
}

impl<'r> ShownRow<'r> {
    /// The name of the row: its prompt or its file, with the extension where all its clips have the same one.
    pub(super) fn name(&self, request: &'r ScoringRequest) -> &'r str {
        let mut asked = self.clips().filter_map(|clip| request.clip(clip.ordinal));
        match asked.next() {
            Some(first) if first.prompt.is_none() => {
                let same = asked.all(|clip| file_name(clip) == file_name(first));
                if same { file_name(first) } else { self.key.0 }
            }
            Some(_) | None => self.key.0,
        }
    }
}

fn file_name(clip: &RequestedClip) -> &str {
    clip.path.rsplit('/').next().unwrap_or(&clip.path)
}

fn row_key(clip: &RequestedClip) -> RowKey<'_> {
    let name = file_name(clip);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    (clip.prompt.as_deref().unwrap_or(stem), clip.seed, clip.index)
}
