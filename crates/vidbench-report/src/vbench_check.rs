//! The check of a folder of VBench's clips as text for the terminal: the verdict, then the faults, then notes.

use vidbench_core::vbench::{
    CheckedFolder, Dimension, FLICKERING_CLIPS_PER_PROMPT, FolderCheck, PromptShortage,
};

use crate::number::count;
use crate::terminal::{Style, note_text, paint};
use crate::text::{shortened, visible_line};

/// Most lines of each list; further entries are only counted.
const LISTED: usize = 10;

/// Lines are never cut shorter than this.
const MIN_LINE: usize = 40;

/// The verdict in one line, then a list for each kind of fault, then notes.
pub fn vbench_check_terminal(checked: &CheckedFolder, style: Style) -> String {
    let (code, word) = match (checked.is_sound(), checked.decoded) {
        (true, Some(_)) => ("1;32", "COMPLETE AND SOUND"),
        (true, None) => ("1;32", "COMPLETE"),
        (false, _) => ("1;31", "NOT READY"),
    };
    let word = paint(style, code, word);
    let mut out = format!("{word}  {}: {}\n", visible_line(&checked.folder), counts(checked));
    for (title, lines) in faults(checked) {
        write_list(&mut out, &title, &lines, style);
    }
    let notes = notes(checked);
    if !notes.is_empty() && !checked.is_sound() {
        out.push('\n');
    }
    for note in notes {
        out += &note_text(&visible_line(&note), style);
    }
    out
}

/// `4715 of 4720 clips of 944 prompts, 4715 decoded`
fn counts(checked: &CheckedFolder) -> String {
    let names = &checked.names;
    let decoding = match checked.decoded {
        Some(files) => format!("{} of {files} decoded", files - checked.undecodable.len() as u64),
        None => "nothing decoded".to_owned(),
    };
    format!("{} of {} clips of {}, {decoding}", names.found, names.wanted, count(names.prompts, "prompt"))
}

/// Every kind of fault that occurred, with a line for each.
fn faults(checked: &CheckedFolder) -> Vec<(String, Vec<String>)> {
    let names = &checked.names;
    let (missing, short): (Vec<_>, Vec<_>) = names.shortages.iter().partition(|shortage| shortage.found == 0);
    let lists = [
        ("missing: prompts without a clip", missing.into_iter().map(shortage).collect()),
        ("short: prompts with some of their clips", short.into_iter().map(shortage).collect()),
        ("undecodable: files that are not sound videos", undecodable(checked)),
        ("few frames: clips shorter than requested", few_frames(checked)),
        ("colliding: files that claim to be the same clip", collisions(names)),
        ("renamed: names that differ from the prompt, which VBench does not find", renamed(names)),
        ("unnumbered: names without -0 to -4, which VBench does not find", names.unnumbered.clone()),
        ("unreadable: videos whose names identify no prompt", unreadable(names)),
        ("suffix: entries that mislead VBench, which takes the suffix from any entry", traps(names)),
    ];
    let occurred = lists.into_iter().filter(|(_, lines)| !lines.is_empty());
    occurred.map(|(title, lines)| (title.to_owned(), lines)).collect()
}

fn write_list(out: &mut String, title: &str, lines: &[String], style: Style) {
    *out += &format!("\n{} ({})\n", paint(style, "1", title), lines.len());
    let width = style.width.max(MIN_LINE) - 2;
    for line in lines.iter().take(LISTED) {
        *out += &format!("  {}\n", shortened(&visible_line(line), width));
    }
    if lines.len() > LISTED {
        *out += &format!("  and {} more; --json has all\n", lines.len() - LISTED);
    }
}

/// A missing clip as a line. The prompt comes first, because a narrow terminal cuts off the end.
fn shortage(shortage: &PromptShortage) -> String {
    let dimensions: Vec<&str> = shortage.dimensions.iter().map(|dimension| dimension.key()).collect();
    let folder = shortage.folder.as_ref().map(|folder| format!("{folder}/")).unwrap_or_default();
    let which =
        if shortage.found == 0 { String::new() } else { format!(": missing {}", ranges(&shortage.missing)) };
    format!("{folder}{}{which} [{}]", shortage.prompt, dimensions.join(", "))
}

/// `0, 2-4`.
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

fn undecodable(checked: &CheckedFolder) -> Vec<String> {
    let line = |clip: &vidbench_core::vbench::Undecodable| format!("{}: {}", clip.file, clip.reason);
    checked.undecodable.iter().map(line).collect()
}

fn few_frames(checked: &CheckedFolder) -> Vec<String> {
    checked.few_frames.iter().map(|clip| format!("{}: {}", clip.file, count(clip.frames, "frame"))).collect()
}

fn collisions(names: &FolderCheck) -> Vec<String> {
    names.collisions.iter().map(|collision| collision.files.join(" and ")).collect()
}

fn renamed(names: &FolderCheck) -> Vec<String> {
    names.renamed.iter().map(|clip| format!("{}: {}", clip.file, clip.name.how.words())).collect()
}

fn unreadable(names: &FolderCheck) -> Vec<String> {
    names.unreadable.iter().map(|name| format!("{}: {}", name.file, name.error)).collect()
}

fn traps(names: &FolderCheck) -> Vec<String> {
    let lines = |trap: &vidbench_core::vbench::SuffixTrap| {
        let suffix = trap.suffix.clone();
        let others = trap.others.clone().into_iter();
        others.map(move |other| format!("{other}, next to {suffix} clips")).collect::<Vec<_>>()
    };
    names.suffix_traps.iter().flat_map(lines).collect()
}

/// Observations that are not faults.
fn notes(checked: &CheckedFolder) -> Vec<String> {
    let names = &checked.names;
    let mut notes = Vec::new();
    if let Some(few) = names.few_for_static_filter.filter(|few| *few > 0) {
        notes.push(format!(
            "{}: VBench asks for {FLICKERING_CLIPS_PER_PROMPT} clips per prompt, of which its static filter keeps up to 5; {} \
             fewer. If the clips have already passed the filter, they are enough",
            Dimension::TemporalFlickering,
            if few == 1 { "1 prompt has".to_owned() } else { format!("{few} prompts have") },
        ));
    }
    for twins in names.case_twins.iter().filter(|twins| lacks_one(names, twins)) {
        let quoted: Vec<String> = twins.iter().map(|prompt| format!("{prompt:?}")).collect();
        notes.push(format!(
            "{} are the same file on a case-insensitive file system: sample them on a case-sensitive one",
            quoted.join(" and ")
        ));
    }
    if names.extra > 0 {
        notes.push(format!("{} numbered beyond --clips-per-prompt", count(names.extra, "clip")));
    }
    if names.other > 0 {
        notes.push(format!("{} for other prompts or in other folders", count(names.other, "clip")));
    }
    notes
}

fn lacks_one(names: &FolderCheck, twins: &[String]) -> bool {
    names.shortages.iter().any(|shortage| twins.contains(&shortage.prompt))
}
