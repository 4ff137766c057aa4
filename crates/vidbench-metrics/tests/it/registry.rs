use std::path::Path;

use expect_test::expect;
use vidbench_core::{MetricId, Needs};
use vidbench_metrics::{DESCRIPTORS, FeatureMetric, Metric, NetSetMetric, find};

#[test]
fn descriptors_are_sorted_and_their_ids_are_valid() {
    let ids: Vec<&str> = DESCRIPTORS.iter().map(|descriptor| descriptor.id).collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    for descriptor in DESCRIPTORS {
        assert!(MetricId::new(descriptor.id).is_ok(), "{}", descriptor.id);
        assert_eq!(descriptor.metric_id().as_str(), descriptor.id);
    }
}

#[test]
fn every_metric_is_in_the_registry_once_and_is_found_by_its_id() {
    let descriptors: Vec<_> = Metric::ALL.into_iter().map(|metric| *metric.descriptor()).collect();
    assert_eq!(descriptors, DESCRIPTORS);
    for metric in Metric::ALL {
        assert_eq!(Metric::from_id(metric.descriptor().id), Ok(metric));
        let set = matches!(metric, Metric::Set(_));
        assert_eq!(set, metric.descriptor().needs == Needs::Set);
        let net_set = matches!(metric, Metric::NetSet(_));
        assert_eq!(net_set, matches!(metric.descriptor().needs, Needs::ReferenceSet | Needs::ClipSet));
        let compares = metric.net_set().is_some_and(NetSetMetric::compares);
        assert_eq!(compares, metric.descriptor().needs == Needs::ReferenceSet);
        let feature = matches!(metric, Metric::Feature(_));
        assert_eq!(feature, metric.descriptor().needs == Needs::Features);
    }
    assert_eq!(find("shape_adherence@1").unwrap().id, "shape_adherence@1");
}

#[test]
fn features_have_the_metrics_that_are_listed() {
    let listed: Vec<_> = FeatureMetric::ALL.into_iter().map(Metric::Feature).collect();
    let all: Vec<_> = Metric::ALL.into_iter().filter(|metric| matches!(metric, Metric::Feature(_))).collect();
    assert_eq!(listed, all);
}

#[test]
fn an_unknown_metric_is_answered_with_the_nearest_and_all() {
    let error = find("temporal_flicker@1").unwrap_err();
    assert_eq!(error.to_string(), "unknown metric \"temporal_flicker@1\"");
    expect![[r#"
        did you mean "temporal_flickering@1"?
        `vidbench list metrics` shows all 63"#]]
    .assert_eq(&error.hints().join("\n"));
    assert_eq!(find("fvd@1").unwrap_err().nearest, None);
}

#[test]
fn another_version_of_a_metric_is_another_metric() {
    let error = find("motion_magnitude@2").unwrap_err();
    assert_eq!(error.nearest, Some("motion_magnitude@1"));
}

#[test]
fn every_metric_has_its_page_with_the_fixed_heads() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics");
    for descriptor in DESCRIPTORS {
        // Metrics of one family share a page, which names them all in its title.
        let name = descriptor.page();
        let page = std::fs::read_to_string(pages.join(format!("{name}.md"))).unwrap();
        let title = page.lines().next().unwrap();
        assert!(
            title.starts_with("# ") && title.contains(&format!("`{}`", descriptor.id)),
            "{name}: {title}"
        );
    }
    let heads = ["Definition", "Range and direction", "Input", "Reference", "Differences", "Cost"];
    for page in std::fs::read_dir(pages).unwrap() {
        let path = page.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        let found: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(found, heads, "{}", path.display());
    }
}
