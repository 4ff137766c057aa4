//! Compares a folder with a suite: every trap in VBench's names is found from names alone.

use proptest::prelude::*;
use serde_json::json;
use vidbench_core::clip_name::NameMatch;
use vidbench_core::vbench::{Dimension, FolderCheck, FullInfo, Layout, WantedClips, check_folder};

/// A prompt that occurs twice, two that differ only in case, one that ends in a number, and one with a letter that has
/// two Unicode forms.
fn suite() -> FullInfo {
    let entry = |prompt: &str, dimensions: &[&str]| json!({"prompt_en": prompt, "dimension": dimensions});
    let entries = json!([
        entry("In a still frame, a stop sign", &["temporal_flickering"]),
        entry("a fantasy landscape", &["scene", "background_consistency"]),
        entry("A fantasy landscape", &["overall_consistency", "aesthetic_quality"]),
        entry("The bund Shanghai, oil painting", &["appearance_style"]),
        entry("The bund Shanghai, oil painting", &["overall_consistency", "aesthetic_quality"]),
        entry("a fa\u{e7}ade-3", &["color"]),
    ]);
    FullInfo::parse(entries.to_string().as_bytes()).unwrap()
}

fn check(dimensions: &[Dimension], clips_per_prompt: u32, entries: &[&str]) -> FolderCheck {
    let wanted = WantedClips { dimensions: dimensions.to_vec(), clips_per_prompt };
    check_folder(&suite(), &wanted, entries.iter().copied())
}

#[test]
fn one_set_of_clips_serves_a_prompt_that_is_in_the_suite_twice() {
    let dimensions = [Dimension::AppearanceStyle, Dimension::AestheticQuality];
    let bund = ["The bund Shanghai, oil painting-0.mp4", "The bund Shanghai, oil painting-1.mp4"];
    let found = check(&dimensions, 2, &bund);
    assert_eq!((found.layout, found.prompts, found.wanted, found.found), (Layout::Flat, 2, 4, 2));
    let [short] = found.shortages.as_slice() else { panic!("{found:?}") };
    assert_eq!((short.prompt.as_str(), short.found, &short.missing), ("A fantasy landscape", 0, &vec![0, 1]));
}

#[test]
fn in_folders_of_groups_each_entry_has_its_own_clips() {
    let dimensions = [Dimension::AppearanceStyle, Dimension::OverallConsistency];
    let found = check(
        &dimensions,
        1,
        &[
            "appearance_style/",
            "appearance_style/The bund Shanghai, oil painting-0.mp4",
            "overall_consistency/A fantasy landscape-0.mp4",
            "scene/a fantasy landscape-0.mp4",
        ],
    );
    assert_eq!((found.layout, found.wanted, found.found, found.other), (Layout::Grouped, 3, 2, 1));
    let [short] = found.shortages.as_slice() else { panic!("{found:?}") };
    assert_eq!(short.folder.as_deref(), Some("overall_consistency"));
    assert_eq!(short.dimensions, [Dimension::OverallConsistency]);
    assert!(found.collisions.is_empty() && found.suffix_traps.is_empty());
}

#[test]
fn names_that_vbench_does_not_find_are_named() {
    let found = check(
        &[Dimension::Color, Dimension::Scene],
        2,
        &[
            "a fac\u{327}ade-3-0.mp4",
            "a fa\u{e7}ade-3-1.mp4",
            "a fa\u{e7}ade-3.mp4",
            "a fa\u{e7}ade-3-7.mp4",
            "A Fantasy Landscape-0.mp4",
            "a horse-0.mp4",
        ],
    );
    let renamed: Vec<_> = found.renamed.iter().map(|clip| (clip.file.as_str(), clip.name.how)).collect();
    assert_eq!(renamed, [("a fac\u{327}ade-3-0.mp4", NameMatch::Unicode)]);
    assert_eq!(found.unnumbered, ["a fa\u{e7}ade-3.mp4"]);
    assert_eq!(found.extra, 1);
    let unreadable: Vec<_> =
        found.unreadable.iter().map(|name| (name.file.as_str(), name.error.to_string())).collect();
    assert_eq!(unreadable[0].0, "A Fantasy Landscape-0.mp4");
    assert!(unreadable[0].1.contains("can be read as"), "{unreadable:?}");
    assert_eq!(unreadable[1], ("a horse-0.mp4", "no known prompt".to_owned()));
}

#[test]
fn two_extensions_collide_and_lay_a_trap() {
    let files = [
        "a fa\u{e7}ade-3-0.mp4",
        "a fa\u{e7}ade-3-1.mp4",
        "a fa\u{e7}ade-3-1.MP4",
        ".DS_Store",
        "notes.json",
        "old/",
    ];
    let found = check(&[Dimension::Color], 2, &files);
    assert_eq!(found.collisions[0].files, ["a fa\u{e7}ade-3-1.MP4", "a fa\u{e7}ade-3-1.mp4"]);
    let [trap] = found.suffix_traps.as_slice() else { panic!("{found:?}") };
    assert_eq!((trap.folder.as_str(), trap.suffix.as_str()), ("", ".mp4"));
    assert_eq!(trap.others, [".DS_Store", "a fa\u{e7}ade-3-1.MP4", "notes.json", "old"]);
    assert_eq!(found.ignored.len(), 2);
}

#[test]
fn flickering_and_case_are_told_of_when_they_matter() {
    let still: Vec<String> = (0..25).map(|i| format!("In a still frame, a stop sign-{i}.mp4")).collect();
    let still: Vec<&str> = still.iter().map(String::as_str).collect();
    let flickering = check(&[Dimension::TemporalFlickering], 5, &still);
    assert_eq!((flickering.few_for_static_filter, flickering.extra), (Some(0), 20));
    assert_eq!(check(&[Dimension::TemporalFlickering], 5, &still[..24]).few_for_static_filter, Some(1));
    assert_eq!(check(&[Dimension::Color], 5, &[]).few_for_static_filter, None);
    let i2v =
        json!([{"prompt_en": "a dog", "dimension": ["temporal_flickering", "i2v_subject"]}]).to_string();
    let wanted = WantedClips { dimensions: vec![Dimension::TemporalFlickering], clips_per_prompt: 5 };
    let i2v = check_folder(&FullInfo::parse(i2v.as_bytes()).unwrap(), &wanted, []);
    assert_eq!((i2v.few_for_static_filter, i2v.wanted), (None, 5));
    let both = check(&[Dimension::Scene, Dimension::OverallConsistency], 5, &[]);
    assert_eq!(both.case_twins, [["A fantasy landscape", "a fantasy landscape"]]);
    assert!(check(&[Dimension::Scene], 5, &[]).case_twins.is_empty());
}

proptest! {
    #[test]
    fn any_names_are_counted_once(names in proptest::collection::btree_set("(scene/|)(a fantasy landscape|A fantasy landscape|x)(-[0-9]{1,2}|)[.](mp4|MP4|txt)", 0..20)) {
        let entries: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = check(&Dimension::ALL, 5, &entries);
        let told = found.clips.len() as u64 + found.extra + found.other;
        let told = told + (found.unnumbered.len() + found.unreadable.len() + found.ignored.len()) as u64;
        prop_assert_eq!(told, entries.len() as u64);
        let short: u64 = found.shortages.iter().map(|short| short.missing.len() as u64).sum();
        prop_assert_eq!(short, found.wanted - found.found);
    }
}
