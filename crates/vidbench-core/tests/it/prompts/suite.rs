use expect_test::{Expect, expect};
use vidbench_core::prompt::{
    Category, Difficulty, MAX_TEXT_CHARS, Prompt, PromptId, PromptSuite, PromptSuiteErrors, SuiteHeader,
};

const SMALL: &str = r#"schema_version = 1
name = "small"
version = "1"
title = "Small"
description = "Two prompts."
license = "Apache-2.0"

[[prompts]]
id = "fox"
text = "A fox's tail; nothing else."
category = "static-scene"
difficulty = "easy"

[[prompts]]
id = "shape"
text = "a red circle"
category = "shapes"
difficulty = "hard"
negative = "blur"
"#;

fn small() -> PromptSuite {
    PromptSuite::parse(SMALL, "small.toml").expect("the suite is well formed")
}

#[test]
fn the_file_of_the_docs_is_well_formed_and_every_category_is_named_there() {
    let page = include_str!("../../../../../docs/prompt-suites.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    assert_eq!(PromptSuite::parse(text, "docs").unwrap().prompts().len(), 1);
    for category in Category::ALL {
        assert!(page.contains(&format!("`{category}`")), "{category}");
    }
}

/// The message with each hint below its problem.
fn report(errors: &PromptSuiteErrors) -> String {
    let mut lines = vec![errors.to_string().lines().take(1).collect::<String>()];
    for problem in &errors.problems {
        lines.push(format!("  {problem}"));
        lines.extend(problem.kind.hint().map(|hint| format!("    hint: {hint}")));
    }
    lines.join("\n") + "\n"
}

fn check_errors(text: &str, expected: &Expect) {
    expected.assert_eq(&report(&PromptSuite::parse(text, "p.toml").expect_err("the suite has problems")));
}

#[test]
fn a_suite_is_read_as_written() {
    let suite = small();
    assert_eq!(suite.header().title, "Small");
    let shape = suite.get(&PromptId::new("shape").unwrap()).unwrap();
    assert_eq!((shape.category, shape.difficulty), (Category::Shapes, Difficulty::Hard));
    assert_eq!(shape.negative.as_deref(), Some("blur"));
    assert_eq!(suite.prompts()[0].text, "A fox's tail; nothing else.");
}

#[test]
fn all_problems_are_listed_with_lines() {
    let text = r#"schema_version = 2
nam = "x"
version = 3
title = ""
description = "d"
license = "Apache-2.0"

[[prompts]]
id = "fox"
text = "  "
category = "stlye"
difficulty = "easy"

[[prompts]]
id = "fox"
txt = "A fox."
category = "sculpture"
difficulty = "harder"
negative = ""

[[prompts]]
id = "Not Kebab"
text = "A fox."
category = "scene"
"#;
    check_errors(
        text,
        &expect![[r#"
            15 problems in prompt suite p.toml
              line 1: unknown schema_version 2, this version reads 1
              line 1: missing key "name"
              line 2: unknown key "nam"
                hint: did you mean "name"?
              line 3: "version" must be text, found integer
              line 4: "title" is empty
              line 10: "text" is empty
              line 11: unknown category "stlye"
                hint: did you mean "style"? known: subject-motion, camera-motion, scene, style, multi-object, spatial-relation, temporal-order, human-action, static-scene, shapes
              line 14: missing key "text"
              line 15: duplicate prompt id "fox", first used in line 9
                hint: give each prompt its own id
              line 16: unknown key "txt"
                hint: did you mean "text"?
              line 17: unknown category "sculpture"
                hint: known: subject-motion, camera-motion, scene, style, multi-object, spatial-relation, temporal-order, human-action, static-scene, shapes
              line 18: unknown difficulty "harder"
                hint: did you mean "hard"? known: easy, medium, hard
              line 19: "negative" is empty
                hint: remove the key
              line 21: missing key "difficulty"
              line 22: prompt id "Not Kebab" is not lower-case words joined by hyphens, of at most 100 characters
                hint: for example "red-fox-2"
        "#]],
    );
}

#[test]
fn broken_toml_is_reported_by_line() {
    check_errors(
        "schema_version = 1\nname = \n",
        &expect![[r#"
        1 problem in prompt suite p.toml
          line 2: string values must be quoted, expected literal string
    "#]],
    );
}

#[test]
fn a_suite_without_prompts_is_refused() {
    let header = "schema_version = 1\nname = \"a\"\nversion = \"1\"\ntitle = \"t\"\ndescription = \"d\"\nlicense = \"l\"\n";
    check_errors(
        header,
        &expect![[r#"
        1 problem in prompt suite p.toml
          line 1: the suite has no prompts
            hint: add a [[prompts]] table
    "#]],
    );
    check_errors(
        &format!("{header}prompts = []\n"),
        &expect![[r#"
        1 problem in prompt suite p.toml
          line 7: the suite has no prompts
            hint: add a [[prompts]] table
    "#]],
    );
    check_errors(
        &format!("{header}prompts = [1]\n"),
        &expect![[r#"
        1 problem in prompt suite p.toml
          line 7: "prompts" must be an array of tables, found integer
    "#]],
    );
}

#[test]
fn text_is_counted_in_characters() {
    let with_text = |text: String| SMALL.replace("a red circle", &text);
    assert!(PromptSuite::parse(&with_text("é".repeat(MAX_TEXT_CHARS)), "p").is_ok());
    check_errors(
        &with_text("é".repeat(MAX_TEXT_CHARS + 1)),
        &expect![[r#"
        1 problem in prompt suite p.toml
          line 16: "text" has 2001 characters, the limit is 2000
    "#]],
    );
}

#[test]
fn parts_are_checked_like_files() {
    let header = SuiteHeader { name: "Bad Name".into(), ..small().header().clone() };
    let prompts: Vec<Prompt> = [small().prompts(), small().prompts()].concat();
    let errors = PromptSuite::new(header, prompts).unwrap_err();
    expect![[r#"
        3 problems in prompt suite Bad Name
          suite name "Bad Name" is not lower-case words joined by hyphens
            hint: for example "red-fox-2"
          duplicate prompt id "fox"
            hint: give each prompt its own id
          duplicate prompt id "shape"
            hint: give each prompt its own id
    "#]]
    .assert_eq(&report(&errors));
}

#[test]
fn a_text_twice_names_both_prompts() {
    let mut prompts = small().prompts().to_vec();
    let twin = Prompt { id: PromptId::new("twin").unwrap(), ..prompts[0].clone() };
    let other =
        Prompt { id: PromptId::new("other").unwrap(), negative: Some("blur".into()), ..prompts[0].clone() };
    prompts.extend([twin, other]);
    let errors = PromptSuite::new(small().header().clone(), prompts).unwrap_err();
    expect![[r#"
        1 problem in prompt suite small
          prompt "twin" has the text of prompt "fox"
            hint: keep one of them; to measure a prompt again, set `repeats` in the run's suite
    "#]]
    .assert_eq(&report(&errors));
}

#[test]
fn toml_form_reads_back() {
    assert_eq!(PromptSuite::parse(&small().to_toml(), "again"), Ok(small()));
    for suite in vidbench_core::prompt::shipped() {
        assert_eq!(PromptSuite::parse(&suite.to_toml(), "again").as_ref(), Ok(suite));
    }
}

#[test]
fn hash_follows_its_definition() {
    let hash = "5f04f68972964c7a89d44d5befe6abf6f57f7cac8c6837ad20744ebd0c4cd703";
    assert_eq!(small().hash(), hash);
}

#[test]
fn hash_ignores_layout_comments_and_titles() {
    let same = SMALL
        .replace("\n[[prompts]]\n", "\n\n# a comment\n  [[prompts]]\n")
        .replace("title = \"Small\"", "title   = 'Tiny'");
    assert_eq!(PromptSuite::parse(&same, "p").unwrap().hash(), small().hash());
}

#[test]
fn hash_follows_content_and_order() {
    let mut hashes = vec![small().hash()];
    for (from, to) in [
        ("name = \"small\"", "name = \"other\""),
        ("version = \"1\"", "version = \"2\""),
        ("id = \"fox\"", "id = \"ox\""),
        ("A fox's", "A Fox's"),
        ("static-scene", "scene"),
        ("\"easy\"", "\"medium\""),
        ("negative = \"blur\"\n", ""),
        ("\"blur\"", "\"-\""),
    ] {
        assert!(SMALL.contains(from), "{from}");
        hashes.push(PromptSuite::parse(&SMALL.replace(from, to), "p").unwrap().hash());
    }
    let reversed = small().prompts().iter().rev().cloned().collect();
    hashes.push(PromptSuite::new(small().header().clone(), reversed).unwrap().hash());
    let n_hashes = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), n_hashes);
}

#[test]
fn prompt_ids_are_checked_when_read() {
    assert_eq!(serde_json::from_str::<PromptId>("\"red-fox-2\"").unwrap().as_str(), "red-fox-2");
    for bad in ["", "-", "a--b", "a-", "A", "a b", "é", "a_b"] {
        assert!(PromptId::new(bad).is_err(), "{bad}");
        assert!(serde_json::from_value::<PromptId>(bad.into()).is_err(), "{bad}");
    }
}
