use std::collections::BTreeSet;

use vidbench_core::prompt::make::{MakePromptsError, available, make};
use vidbench_core::prompt::policy::{Judgement, Policy, PolicyLimits, judge};
use vidbench_core::prompt::{Category, Difficulty, PromptSuite};

#[test]
fn same_arguments_make_the_same_suite() {
    let suite = make(Category::Scene, 3, Difficulty::Medium, 42).unwrap();
    assert_eq!(suite, make(Category::Scene, 3, Difficulty::Medium, 42).unwrap());
    assert_ne!(suite.prompts(), make(Category::Scene, 3, Difficulty::Medium, 43).unwrap().prompts());
    let texts: Vec<_> = suite.prompts().iter().map(|p| format!("{}: {}\n", p.id, p.text)).collect();
    expect_test::expect![[r#"
        scene-medium-000076: A desert of orange dunes at sunrise in steady rain.
        scene-medium-000262: A hospital corridor seen from a far corner shortly before closing.
        scene-medium-000284: A bakery seen from above early in the morning.
    "#]]
    .assert_eq(&texts.concat());
}

#[test]
fn a_longer_suite_begins_with_the_shorter_one() {
    let short = make(Category::HumanAction, 10, Difficulty::Hard, 5).unwrap();
    let long = make(Category::HumanAction, 200, Difficulty::Hard, 5).unwrap();
    assert_eq!(short.prompts(), &long.prompts()[..10]);
}

#[test]
fn all_that_the_templates_give_can_be_made() {
    for category in Category::ALL.into_iter().filter(|c| *c != Category::Shapes) {
        for difficulty in [Difficulty::Easy, Difficulty::Medium] {
            let count = available(category, difficulty);
            let suite = make(category, count, difficulty, 0).unwrap();
            let texts: BTreeSet<_> = suite.prompts().iter().map(|prompt| &prompt.text).collect();
            assert_eq!(texts.len(), count, "{category} {difficulty}");
            for text in texts {
                assert_eq!(judge(Policy::Reject, &PolicyLimits::default(), text), Judgement::Accepted);
            }
        }
    }
}

#[test]
fn a_made_suite_survives_its_toml_form() {
    let suite = make(Category::Style, 50, Difficulty::Hard, u64::MAX).unwrap();
    assert_eq!(PromptSuite::parse(&suite.to_toml(), "made"), Ok(suite));
}

#[test]
fn too_many_says_how_many_there_are() {
    let there_are = available(Category::StaticScene, Difficulty::Easy);
    let error = make(Category::StaticScene, 1000, Difficulty::Easy, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot generate 1000 easy prompts for static-scene: the templates have {there_are}")
    );
    assert_eq!(error.hint(), format!("ask for at most {there_are}, or for a higher difficulty"));
    let nothing = make(Category::Scene, 0, Difficulty::Easy, 1);
    assert_eq!(nothing, Err(MakePromptsError::NoneAsked));
    let shapes = make(Category::Shapes, 1, Difficulty::Easy, 1);
    assert_eq!(shapes, Err(MakePromptsError::NoTemplates { category: Category::Shapes }));
}
