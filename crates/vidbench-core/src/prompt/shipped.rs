//! The prompt suites that come with the tool, from `suites/prompts/`.

use std::sync::LazyLock;

use super::names::{UnknownName, by_name};
use super::suite::PromptSuite;

/// Name and text of each file.
const FILES: [(&str, &str); 2] = [
    ("core-t2v", include_str!("../../../../suites/prompts/core-t2v.toml")),
    ("core-t2v-mini", include_str!("../../../../suites/prompts/core-t2v-mini.toml")),
];

static SHIPPED: LazyLock<Vec<PromptSuite>> = LazyLock::new(|| {
    let parse = |(name, text): (&str, &str)| {
        PromptSuite::parse(text, name).expect("invariant: a test reads every shipped suite")
    };
    let mut suites = FILES.map(parse).to_vec();
    suites.sort_by(|a, b| a.name().cmp(b.name()));
    suites
});

/// The shipped suites, sorted by name.
pub fn shipped() -> &'static [PromptSuite] {
    &SHIPPED
}

/// The shipped suite of that name.
pub fn shipped_suite(name: &str) -> Result<&'static PromptSuite, UnknownName> {
    let all: Vec<_> = shipped().iter().collect();
    by_name("prompt suite", name, &all, PromptSuite::name)
}
