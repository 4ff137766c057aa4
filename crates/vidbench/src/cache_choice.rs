//! The maximum size of the cache, as the environment sets it.

use vidbench_store::{CacheSize, NotASize};

/// The variables that set the size; the first one that is set wins.
const VARIABLES: [&str; 2] = ["VIDBENCH_CACHE_SIZE", "VID_DIFFUSION_BENCH_CACHE_SIZE"];

/// A size and the variable that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheChoice {
    /// Maximum size.
    pub size: CacheSize,
    /// The variable that set the size; `None` where it is the default.
    pub variable: Option<&'static str>,
}

/// A variable whose value is not a size.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {source}")]
pub struct CacheChoiceError {
    variable: &'static str,
    source: NotASize,
}

impl CacheChoiceError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        self.source.hint().into()
    }
}

/// Reads the cache's size from the environment. An empty variable counts as not set.
///
/// # Errors
///
/// When a variable that is set does not hold a size, even if another variable takes precedence.
pub fn cache_choice() -> Result<CacheChoice, CacheChoiceError> {
    choose(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn choose(variable: impl Fn(&str) -> Option<String>) -> Result<CacheChoice, CacheChoiceError> {
    let mut chosen = None;
    for name in VARIABLES {
        if let Some(text) = variable(name).filter(|text| !text.is_empty()) {
            let size = text.parse().map_err(|source| CacheChoiceError { variable: name, source })?;
            chosen.get_or_insert(CacheChoice { size, variable: Some(name) });
        }
    }
    Ok(chosen.unwrap_or(CacheChoice { size: CacheSize::DEFAULT, variable: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set: &[(&str, &str)], expected: Result<(u64, Option<&str>), &str>) {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        let chosen = choose(variable).map(|chosen| (chosen.size.0, chosen.variable));
        assert_eq!(chosen.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn the_first_variable_that_is_set_counts_and_both_must_be_right() {
        let [first, second] = VARIABLES;
        check(&[], Ok((CacheSize::DEFAULT.0, None)));
        check(&[(first, ""), (second, "512MiB")], Ok((512 << 20, Some(second))));
        check(&[(first, "10GB"), (second, "512MiB")], Ok((10_000_000_000, Some(first))));
        check(&[(first, "0")], Ok((0, Some(first))));
        check(
            &[(first, "10GB"), (second, "much")],
            Err("VID_DIFFUSION_BENCH_CACHE_SIZE: \"much\" is not a size"),
        );
    }
}
