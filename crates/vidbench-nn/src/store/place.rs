//! Where the store of the current user is.

use std::ffi::OsString;
use std::path::PathBuf;

/// `VIDBENCH_NETS`, or `vidbench/nets` in `XDG_CACHE_HOME` or in `~/.cache`. An empty variable counts as not set. The
/// XDG base directory specification says that relative paths are ignored.
pub(super) fn root(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("VIDBENCH_NETS").or_else(|| cache().or_else(home).map(|cache| cache.join("vidbench").join("nets")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], wanted: Option<&str>) {
        let of =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        assert_eq!(root(of), wanted.map(PathBuf::from), "{variables:?}");
    }

    #[test]
    fn the_first_variable_that_is_set_says_where() {
        let home = ("HOME", "/home/ada");
        check(&[home, ("XDG_CACHE_HOME", "/cache"), ("VIDBENCH_NETS", "nets")], Some("nets"));
        check(&[home, ("XDG_CACHE_HOME", "/cache"), ("VIDBENCH_NETS", "")], Some("/cache/vidbench/nets"));
        check(&[home, ("XDG_CACHE_HOME", "cache")], Some("/home/ada/.cache/vidbench/nets"));
        check(&[home], Some("/home/ada/.cache/vidbench/nets"));
        check(&[("HOME", "")], None);
    }
}
