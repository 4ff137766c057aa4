//! What names of files say about prompts, trap by trap.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use vidbench_core::clip_name::{ClipNameError, KnownPrompts, NameMatch, ignored, read_listing};

/// Checks what `known` reads in each file, one line per file.
fn check(prompts: &[&str], special: &str, files: &[&str], expected: Expect) {
    let known = KnownPrompts::new(prompts.iter().copied(), special);
    let read = |file: &str| match known.read(file) {
        Ok(name) => format!("{:?} {:?} ({})", name.prompt, name.index, name.how.words()),
        Err(error) => format!("error: {error}"),
    };
    let lines: Vec<String> = files.iter().map(|file| format!("{file}: {}", read(file))).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_prompt_is_found_whatever_it_ends_in() {
    check(
        &["a cat", "a cat-3", "a well-known cat, slow-motion", "clip.final"],
        "",
        &[
            "a cat-0.mp4",
            "a cat-3-0.mp4",
            "a well-known cat, slow-motion-4.gif",
            "clip.final-12.webm",
            "x/y/a cat-999999.MP4",
        ],
        expect![[r#"
            a cat-0.mp4: "a cat" Some(0) (exact)
            a cat-3-0.mp4: "a cat-3" Some(0) (exact)
            a well-known cat, slow-motion-4.gif: "a well-known cat, slow-motion" Some(4) (exact)
            clip.final-12.webm: "clip.final" Some(12) (exact)
            x/y/a cat-999999.MP4: "a cat" Some(999999) (exact)"#]],
    );
}

#[test]
fn two_readings_are_an_error_and_are_listed() {
    check(
        &["a cat", "a cat-3"],
        "",
        &["a cat-3.mp4", "a cat.mp4"],
        expect![[r#"
        a cat-3.mp4: error: can be read as index 3 of "a cat" or "a cat-3" without an index
        a cat.mp4: "a cat" None (exact)"#]],
    );
}

#[test]
fn a_prompt_that_looks_numbered_is_exact_when_it_is_the_only_reading() {
    check(
        &["a cat-3"],
        "",
        &["a cat-3.mp4", "a cat-3-3.mp4", "a cat-2.mp4"],
        expect![[r#"
        a cat-3.mp4: "a cat-3" None (exact)
        a cat-3-3.mp4: "a cat-3" Some(3) (exact)
        a cat-2.mp4: error: no known prompt"#]],
    );
}

#[test]
fn case_decides_where_both_spellings_are_known() {
    check(
        &["A fantasy landscape", "a fantasy landscape", "The bund Shanghai"],
        "",
        &[
            "A fantasy landscape-0.mp4",
            "a fantasy landscape-0.mp4",
            "A Fantasy Landscape-0.mp4",
            "the bund shanghai-1.mp4",
        ],
        expect![[r#"
            A fantasy landscape-0.mp4: "A fantasy landscape" Some(0) (exact)
            a fantasy landscape-0.mp4: "a fantasy landscape" Some(0) (exact)
            A Fantasy Landscape-0.mp4: error: can be read as index 0 of "A fantasy landscape" or index 0 of "a fantasy landscape"
            the bund shanghai-1.mp4: "The bund Shanghai" Some(1) (different case)"#]],
    );
}

#[test]
fn decomposed_letters_and_replaced_characters_are_recognised() {
    check(
        &["rock-carved fa\u{e7}ades", "ratio 4:3 / wide?", "ratio 4_3 - wide"],
        "",
        &["rock-carved fac\u{327}ades-0.mp4", "ratio 4_3 _ wide_-0.mp4", "ratio 4_3 - wide-0.mp4"],
        expect![[r#"
            rock-carved façades-0.mp4: "rock-carved façades" Some(0) (different Unicode form)
            ratio 4_3 _ wide_-0.mp4: "ratio 4:3 / wide?" Some(0) (forbidden characters replaced)
            ratio 4_3 - wide-0.mp4: "ratio 4_3 - wide" Some(0) (exact)"#]],
    );
}

#[test]
fn two_prompts_that_become_one_name_are_ambiguous() {
    check(
        &["one: two", "one? two"],
        "",
        &["one_ two-0.mp4", "one: two-0.mp4"],
        expect![[r#"
        one_ two-0.mp4: error: can be read as index 0 of "one: two" or index 0 of "one? two"
        one: two-0.mp4: "one: two" Some(0) (exact)"#]],
    );
}

#[test]
fn special_text_stands_between_prompt_and_number() {
    check(
        &["a cat"],
        "-seed7",
        &["a cat-seed7-0.mp4", "a cat-0.mp4", "a cat-seed7.mp4"],
        expect![[r#"
        a cat-seed7-0.mp4: "a cat" Some(0) (exact)
        a cat-0.mp4: error: no known prompt
        a cat-seed7.mp4: "a cat" None (exact)"#]],
    );
}

#[test]
fn numbers_are_read_as_they_are_written_by_samplers() {
    check(
        &["a cat"],
        "",
        &["a cat-00.mp4", "a cat-+1.mp4", "a cat--1.mp4", "a cat-1234567.mp4", "-0.mp4", "a cat-\u{661}.mp4"],
        expect![[r#"
            a cat-00.mp4: error: no known prompt
            a cat-+1.mp4: error: no known prompt
            a cat--1.mp4: error: no known prompt
            a cat-1234567.mp4: error: no known prompt
            -0.mp4: error: no prompt in the name
            a cat-١.mp4: error: no known prompt"#]],
    );
}

#[test]
fn prompts_cut_at_180_characters_are_found_unless_two_begin_alike() {
    let start = "é".repeat(180);
    let (one, two) = (format!("{start} and a cat"), format!("{} and a dog", "o".repeat(180)));
    let known = KnownPrompts::new([one.as_str(), two.as_str()], "");
    let name = known.read(&format!("{start}-2.mp4")).unwrap();
    assert_eq!((name.prompt, name.index, name.how), (one.clone(), Some(2), NameMatch::Cut));

    let other = format!("{start} and a horse");
    let known = KnownPrompts::new([one.as_str(), other.as_str()], "");
    let error = known.read(&format!("{start}-2.mp4")).unwrap_err();
    assert!(matches!(&error, ClipNameError::Ambiguous { candidates } if candidates.len() == 2), "{error}");
}

#[test]
fn prompts_cut_at_255_bytes_are_found_and_shorter_beginnings_are_not() {
    let prompt = "a long walk ".repeat(40);
    let known = KnownPrompts::new([prompt.as_str()], "");
    let cut = |bytes: usize| format!("{}-0.mp4", &prompt[..bytes - "-0.mp4".len()]);
    assert_eq!(known.read(&cut(255)).map(|name| name.how), Ok(NameMatch::Cut));
    assert_eq!(known.read(&cut(252)).map(|name| name.index), Ok(Some(0)));
    assert!(known.read(&cut(200)).is_err());
}

#[test]
fn stray_files_are_passed_over() {
    let stray =
        [".DS_Store", "._a cat-0.mp4", "a cat-0.json", "notes", ".mp4", "sub/.hidden.mp4", "a.mp4.part"];
    assert!(stray.iter().all(|file| ignored(file).is_some()));
    assert!(["a cat-0.mp4", "a.MOV", "sub/a.gif"].iter().all(|file| ignored(file).is_none()));
}

#[test]
fn the_same_prompt_in_two_places_of_a_list_is_one_prompt() {
    let known = KnownPrompts::new(["twice", "twice", "once"], "");
    assert_eq!(known.prompts(), ["once", "twice"]);
    assert!(known.read("twice-0.mp4").is_ok());
}

#[test]
fn prompts_that_a_file_system_may_confuse_are_grouped() {
    let known = KnownPrompts::new(["A fantasy landscape", "a fantasy landscape", "a: b", "A_ b", "c"], "");
    assert_eq!(known.colliding(), [["A fantasy landscape", "a fantasy landscape"], ["A_ b", "a: b"]]);
}

#[test]
fn a_listing_without_prompts_follows_the_convention_where_it_is_certain() {
    let files = ["a cat-0.mp4", "a cat-0.gif", "a cat-3.mp4", "a cat-3-0.mp4", "dog.mp4", "-1.mp4", "x.json"];
    let listing = read_listing(files, None);
    let clips: Vec<_> = listing.clips.iter().map(|clip| (clip.file.as_str(), clip.name.index)).collect();
    assert_eq!(
        clips,
        [("a cat-0.gif", Some(0)), ("a cat-0.mp4", Some(0)), ("a cat-3-0.mp4", Some(0)), ("dog.mp4", None)]
    );
    let unreadable: Vec<String> =
        listing.unreadable.iter().map(|name| format!("{}: {}", name.file, name.error)).collect();
    expect![[r#"
        -1.mp4: no prompt in the name
        a cat-3.mp4: can be read as index 3 of "a cat" or "a cat-3" without an index"#]]
    .assert_eq(&unreadable.join("\n"));
    assert_eq!(listing.collisions.len(), 1);
    assert_eq!(listing.collisions[0].files, ["a cat-0.gif", "a cat-0.mp4"]);
    assert_eq!(listing.ignored.len(), 1);
}

#[test]
fn no_order_of_files_changes_the_listing() {
    let files = ["b-1.mp4", "a-0.mp4", "a-0.gif", "c.txt"];
    let reversed: Vec<&str> = files.iter().rev().copied().collect();
    assert_eq!(read_listing(files, None), read_listing(reversed, None));
}

proptest! {
    #[test]
    fn the_name_of_a_known_prompt_reads_back(prompts in prop::collection::btree_set("[a-zA-Z0-9 ,.-]{1,20}[a-z]", 1..8), index in 0_u32..1000) {
        let known = KnownPrompts::new(prompts.iter().map(String::as_str), "");
        for prompt in &prompts {
            let name = known.read(&format!("{prompt}-{index}.mp4")).unwrap();
            prop_assert_eq!((&name.prompt, name.index, name.how), (prompt, Some(index), NameMatch::Exact));
        }
    }

    #[test]
    fn no_name_panics_and_every_file_is_told_once(files in prop::collection::btree_set(".{0,40}", 0..12), prompts in prop::collection::vec(".{0,20}", 0..4)) {
        let known = KnownPrompts::new(prompts.iter().map(String::as_str), "");
        for known in [None, Some(&known)] {
            let listing = read_listing(files.iter().map(String::as_str), known);
            prop_assert_eq!(listing.clips.len() + listing.ignored.len() + listing.unreadable.len(), files.len());
        }
    }
}
