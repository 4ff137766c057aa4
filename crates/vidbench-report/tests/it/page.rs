use expect_test::expect;
use vidbench_analysis::analyse;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{Alert, AlertChange, AlertState, DeviceReading, Reading};
use vidbench_report::{ClipEmbed, ClipMime};

use crate::build::{DESCRIPTORS, Spec, run};
use crate::demo::{demo, demo_page, page_of};

fn clips() -> Vec<ClipEmbed> {
    let data = demo();
    let embed = |record: &vidbench_core::SampleRecord| ClipEmbed {
        sample: record.verdict.sample,
        mime: ClipMime::Mp4,
        bytes: vec![1, 2, 3],
    };
    data.samples
        .iter()
        .filter(|record| record.generation.is_some() && record.ordinal < 30)
        .map(embed)
        .collect()
}

/// Every element in order, without text, without attributes other than id and class, and without repeated neighbours.
fn skeleton(page: &str) -> String {
    let mut out = String::new();
    let body = &page[page.find("<body>").unwrap()..page.find("<script>").unwrap()];
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.split([' ', '\n']).next().unwrap();
        if ["section", "header", "main", "footer", "h1", "h2", "h3", "figure", "details", "table", "video"]
            .contains(&name)
        {
            let attribute = |key: &str| {
                tag.split_once(&format!(" {key}=\"")).map(|(_, rest)| rest.split('"').next().unwrap())
            };
            let line = match (attribute("id"), attribute("class")) {
                (Some(id), _) => format!("{name}#{id}"),
                (None, Some(class)) => format!("{name}.{class}"),
                (None, None) => name.to_owned(),
            };
            if !out.ends_with(&format!("{line}\n")) {
                out += &format!("{line}\n");
            }
        }
    }
    out
}

#[test]
fn the_page_has_every_section_in_order() {
    expect![[r#"
        header.top
        h1
        details.notes
        main#main
        section#results
        h2#results-h
        table.results sortable
        details
        table
        section#pareto
        h2#pareto-h
        figure.pareto
        details
        table
        figure.pareto
        details
        table
        figure.pareto
        details
        table
        section#latency
        h2#latency-h
        figure
        details
        table
        section#stages
        h2#stages-h
        figure
        details
        table
        section#videos
        h2#videos-h
        table#grid
        video.tiny
        section#failures
        h2#failures-h
        table
        section#sets
        h2#sets-h
        table
        section#provenance
        h2#provenance-h
        h3
        table
        h3
        table
        h3
        table
        section#reproduce
        h2#reproduce-h
        footer
    "#]]
    .assert_eq(&skeleton(&demo_page(&clips())));
}

#[test]
fn the_policy_names_the_one_style_and_the_one_script() {
    let page = demo_page(&clips());
    assert_eq!((page.matches("<style>").count(), page.matches("<script>").count()), (1, 1));
    assert!(page.contains("default-src 'none'; style-src 'sha256-") && page.contains("script-src 'sha256-"));
    // Markup that would make a request or be refused by the policy.
    for forbidden in
        ["http://", "https://", " style=\"", " onclick", " onload", "javascript:", "@import", "url("]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn a_failed_sample_shows_its_reason_where_its_video_would_be() {
    let page = demo_page(&clips());
    assert!(page.contains("<strong>✕ timeout</strong> <bdi>no answer within 600 s</bdi>"));
    assert!(page.contains("last line of stderr: &lt;oops&gt;"));
    // A sample whose file is invalid is shown together with its fault.
    assert!(page.contains("</video><p class=\"failure\"><strong>✕ invalid_output</strong>"));
    let grid = &page[page.find("id=\"grid\"").unwrap()..page.find("id=\"pager\"").unwrap()];
    assert!(!grid.contains("<td></td>"));
}

#[test]
fn rows_without_a_clip_or_a_failure_are_left_out_and_counted() {
    let page = demo_page(&clips());
    assert!(page.contains("shows 6 of 12 rows"));
    assert_eq!(page.matches("<tr data-failed=").count(), 6);
    assert_eq!(page.matches("data-failed=\"1\"").count(), 3);
}

#[test]
fn every_plot_has_a_name_and_its_numbers_in_a_table() {
    let page = demo_page(&[]);
    let plots = page.matches("<div class=\"plot\"").count();
    assert_eq!(plots, 5);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), plots);
    assert_eq!(page.matches("Plot data</summary>").count(), plots);
}

#[test]
fn an_underpowered_set_metric_is_marked() {
    let page = demo_page(&[]);
    assert_eq!(page.matches("⚠ underpowered").count(), 1);
    assert!(page.contains("underpowered: 24 clips for 64 dimensions"));
}

#[test]
fn the_command_can_be_pasted_and_the_suite_is_whole() {
    let mut data = demo();
    data.run.environment.command = ["vidbench", "run", "it's a suite.toml"].map(str::to_owned).to_vec();
    let page = page_of(&data, &analyse(&data, &DESCRIPTORS), &[]);
    assert!(page.contains("vidbench run &#39;it&#39;\\&#39;&#39;s a suite.toml&#39;"));
    assert!(page.contains("schema_version = 1\nname = &quot;demo&quot;"));
}

#[test]
fn a_run_without_samples_is_still_a_page() {
    let mut data = run(&Spec { kind: ScenarioKind::Offline, ..Spec::default() });
    data.samples.clear();
    data.set_scores.clear();
    data.sessions.clear();
    let page = page_of(&data, &analyse(&data, &DESCRIPTORS), &[]);
    assert!(page.contains("INCOMPLETE</strong> 0 of 8 samples ok, 0 failed, 8 not done"));
    assert!(page.contains("8 of 8 planned samples have no verdict yet") && page.ends_with("</html>\n"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn one_sample_has_no_interval_and_still_a_plot() {
    let spec = Spec { prompts: vec!["a".into()], seeds: vec![1], steps: vec![4], ..Spec::default() };
    let data = run(&spec);
    let page = page_of(&data, &analyse(&data, &DESCRIPTORS), &[]);
    assert!(page.contains("id=\"latency\"") && !page.contains("NaN"));
}

#[test]
fn the_same_run_gives_the_same_page() {
    assert_eq!(demo_page(&clips()), demo_page(&clips()));
}

/// A session with `seconds` readings of a device whose temperature peaks once.
fn with_readings(seconds: u64) -> vidbench_core::RunData {
    let mut data = run(&Spec::default());
    let device = |second| DeviceReading {
        busy_percent: Some(90),
        memory_used_bytes: Some(20 << 30),
        power_watts: Some(200.0),
        temperature_celsius: Some(if second == seconds / 2 { 93 } else { 60 }),
        foreign_processes: Some(vec![]),
        ..DeviceReading::default()
    };
    let reading = |second| Reading {
        t_ns: second * 1_000_000_000,
        cpu_percent: Some(40.0),
        devices: vec![device(second)],
        ..Reading::default()
    };
    data.readings = vec![(0, (0..seconds).map(reading).collect())];
    data.sessions[0].alerts = vec![AlertChange {
        at_secs: 3.0,
        alert: Alert::Disk,
        subject: None,
        state: AlertState::Fired,
        reason: "86 % <of> the disk".into(),
    }];
    data
}

fn machine(data: &vidbench_core::RunData) -> String {
    let page = page_of(data, &analyse(data, &DESCRIPTORS), &[]);
    let section =
        page.split("<section ").find(|section| section.starts_with("id=\"sensors\"")).unwrap_or_default();
    section.to_owned()
}

#[test]
fn the_machine_is_drawn_with_windows_alerts_and_a_table() {
    let section = machine(&with_readings(60));
    for shown in
        ["Load, %", "Memory in use, GiB", "Power, W", "Temperature, °C", "class=\"window\"", "Plot data"]
    {
        assert!(section.contains(shown), "{shown} is not in {section}");
    }
    assert!(section.contains("alert: disk: 86 % &lt;of&gt; the disk"), "{section}");
    assert!(
        section.contains("aria-label=\"Load, Memory in use, Power, Temperature over time. The table below"),
        "{section}"
    );
    assert!(section.contains("<td>93.0</td>"), "the peak is in the table: {section}");
    assert!(section.contains("Not available: no session was idle for long enough"), "{section}");
    assert!(!section.contains("NaN") && !section.contains("inf"));
}

#[test]
fn without_readings_there_is_no_section_and_a_day_is_no_larger_than_an_hour() {
    assert_eq!(machine(&run(&Spec::default())), "");
    let (hour, day) = (machine(&with_readings(3600)), machine(&with_readings(24 * 3600)));
    assert!(
        day.len() < hour.len() + hour.len() / 10 && day.len() < 60_000,
        "{} and {} bytes",
        hour.len(),
        day.len()
    );
    // A line whose highest and lowest readings differ is drawn along the highest and back along the lowest: twice the
    // points.
    let paths = day.split("<path class=\"sensor device").skip(1).map(|path| path.split('>').next().unwrap());
    let points: Vec<(bool, usize)> =
        paths.map(|path| (path.starts_with(" band"), path.matches('L').count())).collect();
    let (line, band, legend) = ((false, 399), (true, 799), (false, 0));
    assert_eq!(
        points,
        [line, legend, line, legend, line, legend, band, legend],
        "the peak of one second in a day is drawn"
    );
}
