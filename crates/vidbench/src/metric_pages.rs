//! The page of each metric, as it ships, and what the licences of its nets allow.

use vidbench_core::MetricDescriptor;
use vidbench_metrics::DESCRIPTORS;
use vidbench_nn::{Commercial, Manifest};

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../docs/metrics/", $name, ".md")))),*]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "black_share",
    "clip_temporal_consistency",
    "clipsim",
    "colourfulness",
    "duplicate_share",
    "feature_coverage",
    "feature_density",
    "feature_precision",
    "feature_recall",
    "fid",
    "frame_difference",
    "frechet_distance",
    "frechet_infinity",
    "frechet_shapes",
    "frozen_share",
    "fvd",
    "inception_score",
    "inception_score_c3d",
    "kernel_distance",
    "lpips",
    "mmd_polynomial",
    "motion_magnitude",
    "ms_ssim",
    "psnr",
    "shape_adherence",
    "sharpness",
    "ssim",
    "temporal_flickering",
    "vbench_aesthetic_quality",
    "vbench_appearance_style",
    "vbench_consistency",
    "vbench_dynamic_degree",
    "vbench_human_action",
    "vbench_i2v",
    "vbench_imaging_quality",
    "vbench_motion_smoothness",
    "vbench_overall_consistency",
    "vbench_temporal_flickering",
    "vmaf",
    "warping_error",
];

/// Pages of what every run measures, with no metric to ask for.
const MEASURED: &[(&str, &str)] = pages!["latency", "peak_memory", "throughput"];

/// The page that explains a metric, as Markdown.
pub fn metric_page(metric: &MetricDescriptor) -> &'static str {
    let name = metric.page();
    let page = PAGES.iter().find(|(known, _)| *known == name);
    page.map(|(_, text)| *text).expect("invariant: a test holds that every metric has its page")
}

/// The page of that name, or the one that all metrics of a family such as `fvd` share.
pub fn page_named(name: &str) -> Option<&'static str> {
    let is_of_family =
        |metric: &&MetricDescriptor| metric.id.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let mut family = DESCRIPTORS.iter().filter(is_of_family).map(metric_page);
    match family.next() {
        Some(first) => family.all(|page| page == first).then_some(first),
        None => PAGES.iter().chain(MEASURED).find(|(known, _)| *known == name).map(|(_, text)| *text),
    }
}

/// What the licences of a metric's nets say about commercial use: the strictest one decides. A metric without nets may
/// be used.
pub fn commercial_use(metric: &MetricDescriptor) -> &'static str {
    let nets = metric.nets.iter().filter_map(|net| Manifest::shipped().net(net));
    let uses: Vec<Commercial> = nets.map(|net| net.commercial).collect();
    let least = [Commercial::No, Commercial::Unclear].into_iter().find(|limit| uses.contains(limit));
    least.unwrap_or(Commercial::Yes).text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_page_and_every_page_a_metric() {
        let used: Vec<String> = DESCRIPTORS.iter().map(MetricDescriptor::page).collect();
        for metric in DESCRIPTORS {
            assert!(metric_page(metric).contains(&format!("`{}`", metric.id)), "{}", metric.id);
        }
        assert!(PAGES.iter().all(|(page, _)| used.contains(&(*page).to_owned())));
    }

    #[test]
    fn a_page_has_the_name_of_its_file_or_of_a_family() {
        for (name, title) in
            [("fvd", "# `fvd.cdfvd-i3d@1`"), ("kvd", "# `fvd.cdfvd-i3d@1`"), ("latency", "# Latency")]
        {
            assert!(page_named(name).unwrap().starts_with(title), "{name}");
        }
        // The dimensions of VBench have a page each.
        assert_eq!([page_named("vbench"), page_named("fv"), page_named("")], [None; 3]);
    }

    #[test]
    fn the_strictest_licence_of_its_nets_holds_for_a_metric() {
        let of = |id: &str| commercial_use(vidbench_metrics::find(id).unwrap());
        assert_eq!(of("vbench.motion_smoothness"), Commercial::No.text());
        assert_eq!(of("vbench.subject_consistency"), Commercial::Yes.text());
        assert_eq!(of("ssim"), Commercial::Yes.text());
    }
}
