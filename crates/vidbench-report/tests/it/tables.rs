use expect_test::expect;
use vidbench_analysis::analyse;
use vidbench_core::RunData;
use vidbench_report::{Style, markdown, terminal_table};

use crate::build::{DESCRIPTORS, Spec, run};
use crate::demo::demo;

fn terminal(data: &RunData, style: Style) -> String {
    terminal_table(data, &analyse(data, &DESCRIPTORS), &DESCRIPTORS, style)
}

const PLAIN: Style = Style { color: false, width: 140 };

#[test]
fn a_run_with_failures_in_a_terminal() {
    expect![[r#"
        VALID WITH FAILURES  run 20260101-000000-demo: 57 of 60 samples ok, 3 failed

        group             ok            failed  latency p50        shape adherence  temporal flickering  motion magnitude
                  of planned                           ms ↓                      ↑                    ↑          px/frame
        1 step        12/12                 0         14.0        0.2885 ± 0.0055    0.95908 ± 0.00044     1.446 ± 0.022
                                                       n 12                   n 12                 n 12              n 12
        2 steps       12/12                 0         27.2        0.6377 ± 0.0050    0.96902 ± 0.00040     1.449 ± 0.020
                                                       n 12                   n 12                 n 12              n 12
        4 steps       11/12                 1         53.8        0.8111 ± 0.0055    0.97389 ± 0.00044     1.455 ± 0.022
                              1 worker_crashed         n 11                   n 11                 n 11              n 11
        8 steps       11/12                 1        107.4        0.9000 ± 0.0056    0.97650 ± 0.00045     1.450 ± 0.022
                                     1 timeout         n 11                   n 11                 n 11              n 11
        16 steps      11/12                 1        215.4        0.9440 ± 0.0059*   0.97780 ± 0.00043*    1.447 ± 0.021
                              1 invalid_output         n 11  n 10, 1 not available                 n 11              n 11

        group                      frechet shapes       throughput    peak memory
                                                ↓      samples/s ↑  of the worker
        1 step                               960            78.43       95.4 MiB
                  864 to 1056, n 24, underpowered  1254.9 frames/s
        2 steps                              510            38.91       95.4 MiB
                                459 to 561, n 256   622.6 frames/s
        4 steps                              285            19.14       95.4 MiB
                                256 to 314, n 256   306.2 frames/s
        8 steps                              172             9.40       95.4 MiB
                                155 to 190, n 256   150.4 frames/s
        16 steps                             116*            4.36       95.4 MiB
                                105 to 128, n 256    69.7 frames/s

        * best in its domain, or indistinguishable from the best; ± and ranges are 95 % intervals
        note: 3 of 60 samples failed (1 timeout, 1 worker_crashed, 1 invalid_output); means exclude them
              hint: means over the remaining samples may look too good; the report and `vidbench export` list each reason
        note: embedded/shapes: synthetic-domain
              hint: its scores are only compared within that domain
        note: frechet_shapes@1 is underpowered: 24 clips for 64 dimensions bias it upwards
              hint: generate at least 128 clips per parameter set
        note: shape_adherence@1 is not available for 1 ok clip: no object found
    "#]].assert_eq(&terminal(&demo(), PLAIN));
}

#[test]
fn enough_samples_give_a_median() {
    let data = run(&Spec { seeds: (0..12).collect(), ..Spec::default() });
    expect![[r#"
        VALID  run 20260101-000000-demo: 48 of 48 samples ok, 0 failed

        group             ok  failed  latency p50   shape adherence  temporal flickering  motion magnitude     frechet shapes      throughput
                  of planned                 ms ↓                 ↑                    ↑          px/frame                  ↓     samples/s ↑
        4 steps       24/24       0         50.6   0.8127 ± 0.0035    0.97402 ± 0.00028     1.449 ± 0.014                285           20.33
                                             n 24              n 24                 n 24              n 24  256 to 314, n 256  325.2 frames/s
        16 steps      24/24       0        201.0   0.9443 ± 0.0034*   0.97779 ± 0.00027*    1.448 ± 0.014                116*           5.04
                                             n 24              n 24                 n 24              n 24  105 to 128, n 256   80.6 frames/s

        group       peak memory
                  of the worker
        4 steps       95.4 MiB
        16 steps      95.4 MiB

        * best in its domain, or indistinguishable from the best; ± and ranges are 95 % intervals
        note: embedded/shapes: synthetic-domain
              hint: its scores are only compared within that domain
    "#]].assert_eq(&terminal(&data, PLAIN));
}

#[test]
fn an_invalid_run_says_why_before_anything_else() {
    let mut data = run(&Spec::default());
    data.samples.truncate(3);
    let text = terminal(&data, PLAIN);
    let head: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        INCOMPLETE  run 20260101-000000-demo: 3 of 8 samples ok, 0 failed, 5 not done
          because 5 of 8 planned samples have no verdict yet
    "#]]
    .assert_eq(&head);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let data = demo();
    let coloured = terminal(&data, Style { color: true, ..PLAIN });
    assert!(coloured.contains("\x1b[1;33mVALID WITH FAILURES\x1b[0m"));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        stripped += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(stripped + rest, terminal(&data, PLAIN));
}

#[test]
fn a_narrow_terminal_gets_blocks_that_fit() {
    let text = terminal(&demo(), Style { color: false, width: 60 });
    let table: Vec<&str> = text.lines().take_while(|line| !line.starts_with("* best")).skip(1).collect();
    assert!(table.iter().all(|line| line.chars().count() <= 60), "{text}");
    assert!(table.iter().filter(|line| line.starts_with("16 steps")).count() > 1);
}

#[test]
fn markdown_of_a_run_with_failures() {
    let data = demo();
    expect![[r#"
        **VALID WITH FAILURES** run `20260101-000000-demo`: 57 of 60 samples ok, 3 failed.

        | group | ok of planned | failed | latency p50 ms ↓ | shape adherence ↑ | temporal flickering ↑ | motion magnitude px/frame | frechet shapes ↓ | throughput samples/s ↑ | peak memory of the worker |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | 1 step | 12/12 | 0 | 14.0 (n 12) | 0.2885 ± 0.0055 (n 12) | 0.95908 ± 0.00044 (n 12) | 1.446 ± 0.022 (n 12) | 960 (864 to 1056, n 24, underpowered) | 78.43 (1254.9 frames/s) | 95.4 MiB |
        | 2 steps | 12/12 | 0 | 27.2 (n 12) | 0.6377 ± 0.0050 (n 12) | 0.96902 ± 0.00040 (n 12) | 1.449 ± 0.020 (n 12) | 510 (459 to 561, n 256) | 38.91 (622.6 frames/s) | 95.4 MiB |
        | 4 steps | 11/12 | 1 (1 worker\_crashed) | 53.8 (n 11) | 0.8111 ± 0.0055 (n 11) | 0.97389 ± 0.00044 (n 11) | 1.455 ± 0.022 (n 11) | 285 (256 to 314, n 256) | 19.14 (306.2 frames/s) | 95.4 MiB |
        | 8 steps | 11/12 | 1 (1 timeout) | 107.4 (n 11) | 0.9000 ± 0.0056 (n 11) | 0.97650 ± 0.00045 (n 11) | 1.450 ± 0.022 (n 11) | 172 (155 to 190, n 256) | 9.40 (150.4 frames/s) | 95.4 MiB |
        | 16 steps | 11/12 | 1 (1 invalid\_output) | 215.4 (n 11) | **0.9440 ± 0.0059** (n 10, 1 not available) | **0.97780 ± 0.00043** (n 11) | 1.447 ± 0.021 (n 11) | **116** (105 to 128, n 256) | 4.36 (69.7 frames/s) | 95.4 MiB |

        Bold: best in its domain, or indistinguishable from the best. ± and ranges are 95 % intervals.

        - 3 of 60 samples failed (1 timeout, 1 worker\_crashed, 1 invalid\_output); means exclude them
        - embedded/shapes: synthetic-domain
        - frechet\_shapes@1 is underpowered: 24 clips for 64 dimensions bias it upwards
        - shape\_adherence@1 is not available for 1 ok clip: no object found
    "#]].assert_eq(&markdown(&data, &analyse(&data, &DESCRIPTORS), &DESCRIPTORS));
}

#[test]
fn a_run_without_any_sample_is_still_a_table() {
    let mut data = run(&Spec::default());
    data.samples.clear();
    data.set_scores.clear();
    data.sessions.clear();
    expect![[r#"
        INCOMPLETE  run 20260101-000000-demo: 0 of 8 samples ok, 0 failed, 8 not done
          because 8 of 8 planned samples have no verdict yet

        group             ok  failed   latency p50  shape adherence  temporal flickering  motion magnitude   throughput    peak memory
                  of planned                  ms ↓                ↑                    ↑          px/frame  samples/s ↑  of the worker
        4 steps         0/4       0              –                –                    –                 –            –              –
                                      no ok sample              n 0                  n 0               n 0                     unknown
        16 steps        0/4       0              –                –                    –                 –            –              –
                                      no ok sample              n 0                  n 0               n 0                     unknown

        note: embedded/shapes: weights of unknown origin
              hint: its quality is not ranked; only a worker can report the SHA-256 of its weights (docs/command.md)
    "#]].assert_eq(&terminal(&data, PLAIN));
}
