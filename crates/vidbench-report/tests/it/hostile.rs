//! Texts from outside may contain anything; none of it may become markup of the page or control the terminal.

use proptest::prelude::*;
use vidbench_analysis::analyse;
use vidbench_core::{Alert, AlertChange, AlertState, Outcome, Reading, RunData, Score};
use vidbench_report::{ClipEmbed, ClipMime, Style, markdown, terminal_table};

use crate::build::{DESCRIPTORS, Spec, fail, run};
use crate::demo::page_of;

/// A run in which every text that comes from outside is `text`.
fn infected(text: &str) -> RunData {
    let mut data = run(&Spec { prompts: vec![text.to_owned(), format!("{text} again")], ..Spec::default() });
    let evil = || text.to_owned();
    fail(&mut data.samples[1], Outcome::Internal, text);
    data.samples[2].verdict.scores[0].score = Score::not_available(evil());
    data.set_scores[0].score = Score::not_available(evil());
    data.sessions[0].worker_says(text);
    data.sessions[0].alerts = vec![AlertChange {
        at_secs: 1.0,
        alert: Alert::Breaker,
        subject: Some(evil()),
        state: AlertState::Fired,
        reason: evil(),
    }];
    let reading = |t_ns| Reading { t_ns, cpu_percent: Some(1.0), ..Reading::default() };
    data.readings = vec![(0, vec![reading(0), reading(2_000_000_000)])];
    let suite = &mut data.run.suite;
    (suite.name, suite.source) = (evil(), evil());
    (suite.prompt_suite.name, suite.prompt_suite.version, suite.prompt_suite.sha256) =
        (evil(), evil(), evil());
    for prompt in &mut suite.prompts {
        (prompt.id, prompt.category) = (evil(), evil());
        prompt.findings = vec![evil()];
    }
    let environment = &mut data.run.environment;
    (environment.os, environment.cpu, environment.libav) = (evil(), evil(), evil());
    environment.accelerators = vec![evil()];
    environment.command.push(evil());
    data
}

trait WorkerSays {
    fn worker_says(&mut self, text: &str);
}

impl WorkerSays for vidbench_core::Session {
    fn worker_says(&mut self, text: &str) {
        for entry in &mut self.models {
            entry.worker = text.to_owned();
            entry.model.runtime = text.to_owned();
            entry.model.revision = Some(text.to_owned());
        }
    }
}

fn page(text: &str) -> String {
    let data = infected(text);
    let sample = data.samples[0].verdict.sample;
    let clip = ClipEmbed { sample, mime: ClipMime::Mp4, bytes: b"x".to_vec() };
    page_of(&data, &analyse(&data, &DESCRIPTORS), &[clip])
}

/// The markup of a page: tags with attribute names, without text and attribute values.
fn markup(page: &str) -> Vec<String> {
    let (mut tags, mut tag, mut inside, mut quoted) = (Vec::new(), String::new(), false, false);
    let start = page.find("<body>").unwrap();
    let body = &page[..page.rfind("<script>").unwrap()][start..];
    for c in body.chars() {
        match (inside, quoted, c) {
            (false, _, '<') => inside = true,
            (true, false, '>') => {
                inside = false;
                tags.push(std::mem::take(&mut tag));
            }
            (true, _, '"') => quoted = !quoted,
            (true, false, c) => tag.push(c),
            (true, true, _) | (false, ..) => {}
        }
    }
    assert!(!inside && !quoted, "the page ends inside of a tag");
    tags
}

#[test]
fn known_attacks_change_no_tag() {
    let harmless = markup(&page("a red circle"));
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><script>",
        "</title></head>",
        "<!-- -->]]>",
        "&lt;script&gt;",
        "a\nb\r\nc\td",
        "\u{202e}evil\u{2066}",
        "\0\u{1b}[31m\u{7f}",
        "`${1}`",
    ] {
        assert_eq!(markup(&page(text)), harmless, "{text:?}");
    }
}

#[test]
fn marks_that_reorder_text_are_shown_and_not_obeyed() {
    let page = page("abc\u{202e}fed\u{2069}");
    assert!(!page.contains(['\u{202e}', '\u{2069}']) && page.contains("abc\\u{202e}fed\\u{2069}"));
}

#[test]
fn a_terminal_is_not_moved() {
    let data = infected("\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{9b}31m");
    let text = terminal_table(
        &data,
        &analyse(&data, &DESCRIPTORS),
        &DESCRIPTORS,
        Style { color: false, width: 100 },
    );
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.contains("\\u{1b}[2J"));
}

#[test]
fn markdown_stays_a_table() {
    let data = infected("a | b\n# c <script> [d](e) `f`");
    let text = markdown(&data, &analyse(&data, &DESCRIPTORS), &DESCRIPTORS);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let pipes = |line: &str| line.replace("\\|", "").matches('|').count();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| pipes(row) == pipes(rows[0])), "{text}");
    assert!(!text.contains("<script>") && !text.lines().any(|line| line.starts_with('#')));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_breaks_out_of_the_page(text in "\\PC{1,30}|[<>\"'&`/=! a-z\\-\0\n\u{202e}]{1,30}") {
        prop_assert!(markup(&page(&text)) == markup(&page("x")));
    }
}
