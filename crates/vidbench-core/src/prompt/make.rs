//! Generates prompt suites of any size from templates: the same arguments give the same suite on every machine.
//!
//! A template is a sequence of word lists, so all prompts of a category and a difficulty can be counted and numbered.
//! Easy prompts have a core, medium ones add a setting, hard ones a setting and a detail. The id of a prompt contains
//! its number: equal ids mean equal texts, whatever the seed, so two generated suites can be merged.
//!
//! ```
//! use vidbench_core::prompt::make::make;
//! use vidbench_core::prompt::{Category, Difficulty};
//!
//! let suite = make(Category::Scene, 20, Difficulty::Hard, 7).unwrap();
//! assert_eq!(suite.prompts().len(), 20);
//! assert_eq!(suite, make(Category::Scene, 20, Difficulty::Hard, 7).unwrap());
//! ```

mod grammar;

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use self::grammar::{Slot, families};
use super::names::{Category, Difficulty, PromptId};
use super::suite::{Prompt, PromptSuite, SuiteHeader};

/// Version of the templates, and so of every generated suite. A change of any word list bumps it.
pub const GRAMMAR_VERSION: u32 = 1;

/// Why a suite cannot be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakePromptsError {
    /// More prompts were asked for than the templates have.
    #[error("cannot generate {count} {difficulty} prompts for {category}: the templates have {available}")]
    TooMany {
        /// Prompts asked for.
        count: usize,
        /// Prompts there are.
        available: usize,
        /// Category asked for.
        category: Category,
        /// Difficulty asked for.
        difficulty: Difficulty,
    },
    /// A suite of zero prompts was asked for.
    #[error("cannot generate a suite of 0 prompts")]
    NoneAsked,
    /// A category that is not made from these templates.
    #[error("category {category} has no templates")]
    NoTemplates {
        /// Category asked for.
        category: Category,
    },
}

impl MakePromptsError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::TooMany { available, .. } => {
                format!("ask for at most {available}, or for a higher difficulty")
            }
            Self::NoneAsked => "ask for at least 1".into(),
            Self::NoTemplates { category: Category::Shapes } => {
                "the shapes suite comes from the embedded model's grammar".into()
            }
            Self::NoTemplates { .. } => "choose another category".into(),
        }
    }
}

/// How many prompts the templates of a category and a difficulty give.
pub fn available(category: Category, difficulty: Difficulty) -> usize {
    templates(category, difficulty).iter().map(|template| size(template)).sum()
}

/// Makes a suite of `count` different prompts.
///
/// `prompt_choice_seed` decides which prompts are chosen, and in which order; a longer suite with the same seed begins
/// with the shorter one. The generator is ChaCha8, keyed with the SHA-256 of `vidbench-prompts-make/<grammar
/// version>/<category>/<difficulty>/<seed>`.
pub fn make(
    category: Category,
    count: usize,
    difficulty: Difficulty,
    prompt_choice_seed: u64,
) -> Result<PromptSuite, MakePromptsError> {
    let templates = templates(category, difficulty);
    let available = templates.iter().map(|template| size(template)).sum();
    if available == 0 {
        return Err(MakePromptsError::NoTemplates { category });
    }
    if count == 0 {
        return Err(MakePromptsError::NoneAsked);
    }
    if count > available {
        return Err(MakePromptsError::TooMany { count, available, category, difficulty });
    }
    let mut rng = rng(category, difficulty, prompt_choice_seed);
    let prompts = choose(count, available, &mut rng)
        .into_iter()
        .map(|number| prompt(category, difficulty, &templates, number))
        .collect();
    let header = SuiteHeader {
        name: format!("made-{category}-{difficulty}-{count}-seed-{prompt_choice_seed}"),
        version: GRAMMAR_VERSION.to_string(),
        title: format!("Made prompts: {category}, {difficulty}"),
        description: format!(
            "{count} of {available} template prompts, chosen with seed {prompt_choice_seed}."
        ),
        license: "Apache-2.0".into(),
    };
    Ok(PromptSuite::new(header, prompts).expect("invariant: numbers make ids unique"))
}

type Template = Vec<Slot>;

fn templates(category: Category, difficulty: Difficulty) -> Vec<Template> {
    let rows = families(category).iter().map(|family| {
        let mut template = family.core.to_vec();
        match difficulty {
            Difficulty::Easy => {}
            Difficulty::Medium => template.push(family.settings),
            Difficulty::Hard => template.extend([family.settings, family.details]),
        }
        template
    });
    rows.collect()
}

fn size(template: &[Slot]) -> usize {
    template.iter().map(|slot| slot.len()).product()
}

fn prompt(category: Category, difficulty: Difficulty, templates: &[Template], number: usize) -> Prompt {
    let id = PromptId::new(format!("{category}-{difficulty}-{number:06}"))
        .expect("invariant: names and numbers are kebab-case");
    Prompt {
        id,
        category,
        difficulty,
        text: text(templates, number),
        negative: None,
        inputs: BTreeMap::new(),
    }
}

/// The prompt with that number: templates count in order, and within a template the last word list varies fastest.
fn text(templates: &[Template], number: usize) -> String {
    let mut rest = number;
    for template in templates {
        let size = size(template);
        if rest < size {
            return sentence(&words(template, rest));
        }
        rest -= size;
    }
    unreachable!("number {number} is under the sum of the sizes")
}

fn words(template: &[Slot], mut number: usize) -> Vec<&'static str> {
    let mut words: Vec<_> = template
        .iter()
        .rev()
        .map(|slot| {
            let word = slot[number % slot.len()];
            number /= slot.len();
            word
        })
        .collect();
    words.reverse();
    words
}

/// Joins words with spaces, but without one before a comma or a semicolon.
fn sentence(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !word.starts_with([',', ';']) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.push('.');
    text
}

fn rng(category: Category, difficulty: Difficulty, prompt_choice_seed: u64) -> ChaCha8Rng {
    let name =
        format!("vidbench-prompts-make/{GRAMMAR_VERSION}/{category}/{difficulty}/{prompt_choice_seed}");
    ChaCha8Rng::from_seed(Sha256::digest(name).into())
}

/// The first `count` numbers of a shuffle of `0..available`, without shuffling the rest.
fn choose(count: usize, available: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut moved = BTreeMap::new();
    let mut draw = |at: usize| {
        let other = at + below(available - at, rng);
        let chosen = moved.get(&other).copied().unwrap_or(other);
        let here = moved.get(&at).copied().unwrap_or(at);
        moved.insert(other, here);
        chosen
    };
    (0..count).map(&mut draw).collect()
}

/// A uniform number under `bound`. Draws beyond the last whole multiple of `bound` are rejected, so there is no bias.
fn below(bound: usize, rng: &mut ChaCha8Rng) -> usize {
    let bound = bound as u64;
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let draw = rng.next_u64();
        if draw < limit {
            return (draw % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_is_another_sentence() {
        for category in Category::ALL {
            for difficulty in Difficulty::ALL {
                let templates = templates(category, difficulty);
                let available = available(category, difficulty);
                let texts: BTreeSet<_> = (0..available).map(|n| text(&templates, n)).collect();
                assert_eq!(texts.len(), available, "{category} {difficulty}");
            }
        }
    }

    #[test]
    fn every_category_but_shapes_has_templates() {
        for category in Category::ALL {
            for difficulty in Difficulty::ALL {
                let expected_at_least = if category == Category::Shapes { 0 } else { 50 };
                assert!(available(category, difficulty) >= expected_at_least, "{category}");
            }
        }
    }

    #[test]
    fn numbers_are_chosen_once_each() {
        let mut rng = rng(Category::Scene, Difficulty::Easy, 1);
        let chosen: BTreeSet<_> = choose(100, 100, &mut rng).into_iter().collect();
        assert_eq!(chosen, (0..100).collect());
    }
}
