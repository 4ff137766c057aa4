//! Files of the repository that the binary generates. `UPDATE_EXPECT=1` rewrites them.

use std::path::Path;

use expect_test::{ExpectFile, expect_file};

use crate::workspace::Workspace;

#[track_caller]
fn check<const N: usize>(file: &ExpectFile, args: [&str; N]) {
    let said = Workspace::new().run(args);
    assert_eq!(said.code, 0, "{}", said.stderr);
    file.assert_eq(&said.stdout);
}

#[test]
fn the_schema_of_suite_files_is_current() {
    check(&expect_file!["../../../../docs/reference/suite.schema.json"], ["schema", "suite"]);
}

#[test]
fn the_reference_pages_are_current() {
    check(&expect_file!["../../../../docs/reference/cli.md"], ["schema", "cli"]);
    check(&expect_file!["../../../../docs/reference/metrics.md"], ["schema", "metrics"]);
    check(&expect_file!["../../../../docs/reference/prompts.md"], ["schema", "prompts"]);
    check(&expect_file!["../../../../docs/reference/nets.md"], ["schema", "nets"]);
    check(&expect_file!["../../../../docs/reference/models.md"], ["schema", "models"]);
}

#[test]
fn the_readme_counts_what_the_catalogue_has() {
    let readme = include_str!("../../../../README.md").replace('\n', " ");
    let counts = vidbench::counts_sentence();
    assert!(readme.contains(&counts), "write in README.md: {counts}");
}

#[test]
fn the_example_suite_is_what_init_writes() {
    check(&expect_file!["../../../../suites/example.toml"], ["init", "--stdout"]);
}

/// An example that is refused when pasted is worse than no example.
#[test]
fn ids_of_models_in_the_documentation_are_ids() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain([root.join("README.md"), root.join("suites/example.toml")]);
    let mut found = 0;
    for page in pages.filter(|page| page.is_file()) {
        for line in std::fs::read_to_string(&page).unwrap().lines() {
            let line = line.trim_start_matches(['#', ' ']);
            let keys = ["id = \"", "model = \"", "instead_of = \""];
            let Some(rest) = keys.iter().find_map(|key| line.strip_prefix(key)) else { continue };
            let id = rest.split('"').next().unwrap();
            assert!(vidbench_core::ModelId::new(id).is_ok(), "{}: {line}", page.display());
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}
