use std::collections::BTreeMap;

use vidbench_core::prompt::policy::{Judgement, Policy, PolicyLimits, judge};
use vidbench_core::prompt::{Category, Difficulty, PromptSuite, shipped, shipped_suite};

/// Every category that has hand-written prompts; the shapes come from a grammar of their own.
fn written_categories() -> impl Iterator<Item = Category> {
    Category::ALL.into_iter().filter(|category| *category != Category::Shapes)
}

fn count(suite: &PromptSuite, category: Category) -> usize {
    suite.prompts().iter().filter(|prompt| prompt.category == category).count()
}

#[test]
fn shipped_suites_are_sorted_and_found_by_name() {
    let names: Vec<_> = shipped().iter().map(PromptSuite::name).collect();
    assert_eq!(names, ["core-t2v", "core-t2v-mini"]);
    for name in names {
        assert_eq!(shipped_suite(name).unwrap().name(), name);
    }
    let error = shipped_suite("core-t2").unwrap_err();
    assert_eq!(error.to_string(), "unknown prompt suite \"core-t2\"");
    assert_eq!(error.hint(), "did you mean \"core-t2v\"? known: core-t2v, core-t2v-mini");
}

#[test]
fn core_has_25_prompts_per_category_of_every_difficulty() {
    let core = shipped_suite("core-t2v").unwrap();
    for category in written_categories() {
        assert_eq!(count(core, category), 25, "{category}");
        for difficulty in Difficulty::ALL {
            let wanted = |p: &&_| {
                let p: &vidbench_core::prompt::Prompt = p;
                p.category == category && p.difficulty == difficulty
            };
            assert!(core.prompts().iter().filter(wanted).count() >= 8, "{category} {difficulty}");
        }
    }
}

#[test]
fn mini_is_two_prompts_of_core_per_category() {
    let core = shipped_suite("core-t2v").unwrap();
    let mini = shipped_suite("core-t2v-mini").unwrap();
    for category in written_categories() {
        assert_eq!(count(mini, category), 2, "{category}");
    }
    for prompt in mini.prompts() {
        assert_eq!(core.get(&prompt.id), Some(prompt));
    }
}

/// Letters and digits in lower case, so that punctuation and case do not hide a repetition.
fn words(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[test]
fn no_text_is_shipped_twice() {
    for suite in shipped() {
        let mut seen = BTreeMap::new();
        for prompt in suite.prompts() {
            if let Some(first) = seen.insert(words(&prompt.text), &prompt.id) {
                panic!("{} repeats {first}", prompt.id);
            }
        }
    }
}

#[test]
fn every_shipped_prompt_passes_the_strictest_policy() {
    for prompt in shipped().iter().flat_map(PromptSuite::prompts) {
        for text in [Some(&prompt.text), prompt.negative.as_ref()].into_iter().flatten() {
            let judgement = judge(Policy::Reject, &PolicyLimits::default(), text);
            assert_eq!(judgement, Judgement::Accepted, "{}", prompt.id);
        }
    }
}

#[test]
fn shipped_prompts_have_the_punctuation_of_natural_text() {
    let core = shipped_suite("core-t2v").unwrap();
    for mark in ['\'', '/', ';', '"', '('] {
        assert!(core.prompts().iter().any(|prompt| prompt.text.contains(mark)), "{mark}");
    }
}
