use expect_test::expect;
use serde_json::Value;
use vidbench_analysis::analyse;
use vidbench_core::Score;
use vidbench_report::{EXPORT_SCHEMA_VERSION, export_csv, export_json, export_jsonl, visible_line};

use crate::build::{DESCRIPTORS, Spec, run};
use crate::demo::demo;

#[test]
fn json_has_the_records_and_the_analysis() {
    let data = demo();
    let json = export_json(&data, &analyse(&data, &DESCRIPTORS)).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schema_version", "run", "sessions", "samples", "set_scores", "analysis"]);
    assert_eq!(json["schema_version"], EXPORT_SCHEMA_VERSION);
    assert_eq!(json["samples"].as_array().unwrap().len(), 60);
    assert_eq!(json["analysis"]["verdict"]["verdict"], "valid_with_failures");
    assert_eq!(json["analysis"]["groups"][0]["latency"]["p99"]["too_few"]["needed"], 662);
}

#[test]
fn records_read_back_from_json_are_the_records() {
    let data = demo();
    let json = export_json(&data, &analyse(&data, &DESCRIPTORS)).unwrap();
    let text = serde_json::to_string(&json).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    let samples: Vec<vidbench_core::SampleRecord> = serde_json::from_value(read["samples"].clone()).unwrap();
    assert_eq!(samples, data.samples);
}

#[test]
fn json_lines_join_each_sample_with_what_made_it() {
    let data = demo();
    let text = export_jsonl(&data).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 60);
    assert_eq!(lines[0]["prompt"], data.run.suite.prompts[0].text.as_str());
    assert_eq!(lines[4]["params"]["steps"], 16);
    assert_eq!((&lines[3]["outcome"], &lines[3]["latency_secs"]), (&"timeout".into(), &Value::Null));
    assert_eq!(lines[0]["sample"], data.samples[0].verdict.sample.to_string());
}

#[test]
fn csv_of_two_samples() {
    let spec = Spec { steps: vec![4], seeds: vec![1], ..Spec::default() };
    let mut data = run(&spec);
    data.samples[1].verdict.scores[0].score = Score::not_available("no object found");
    expect![[r#"
        run,ordinal,sample,model,engine,params_index,steps,guidance,frames,width,height,fps,prompt_id,category,prompt,negative,seed,repeat,outcome,reason,latency_secs,service_secs,response_secs,observed_frames,observed_width,observed_height,observed_fps,peak_rss_bytes,peak_device_allocated_bytes,peak_device_reserved_bytes,artifact_bytes,artifact_sha256,session,failed_attempts,device_joules,cpu_joules,contended,reused_from,shape_adherence@1,temporal_flickering@1,motion_magnitude@1,not_available
        20260101-000000-demo,0,a8ee17fd53089d52b48972fb0ebe5263,embedded/shapes,embedded,0,4,3,16,64,64,8,p-0,shapes,a red circle moving left,,1,0,ok,,0.041,0.04,0.047,16,64,64,8,100000000,,,4000,0768dafe448ef0b492d59837cf4fab6f458c516a84bce79c234da4a6934ad6e5,0,0,,,,,0.825,0.975,1.4,
        20260101-000000-demo,1,f2720370fecb7218122cab15c9c98a5c,embedded/shapes,embedded,0,4,3,16,64,64,8,p-1,shapes,a blue square moving up,,1,0,ok,,0.0414,0.0404,0.0474,16,64,64,8,100000001,,,4001,f9e7b2d184454a514551ba6660491ba0513b37084dea983e87fcf2ee81258cf1,0,0,,,,,,0.9742,1.44,shape_adherence@1: no object found
    "#]].assert_eq(&export_csv(&data).replace("\r\n", "\n"));
}

/// Reads RFC 4180, so that the writer is tested against the format rather than against itself.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') if chars.peek() == Some(&'\n') => {
                chars.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (_, c) => cell.push(c),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last line ends");
    rows
}

fn csv_with_prompt(prompt: &str) -> Vec<Vec<String>> {
    let spec = Spec { prompts: vec![prompt.to_owned()], steps: vec![4], seeds: vec![1], ..Spec::default() };
    read_csv(&export_csv(&run(&spec)))
}

#[test]
fn csv_reads_back_and_starts_no_formula() {
    for (prompt, cell) in [
        ("a, \"b\"\r\nc", "a, \"b\"\\r\\nc"),
        ("\u{1b}[2Jx\u{202e}y\0", "\\u{1b}[2Jx\\u{202e}y\\u{0}"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("＝1", "'＝1"),
        ("'quoted'", "'quoted'"),
    ] {
        let rows = csv_with_prompt(prompt);
        let at = rows[0].iter().position(|head| head == "prompt").unwrap();
        assert_eq!(rows[1][at], cell);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{prompt:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_prompt_keeps_the_shape_of_the_csv(prompt in "\\PC{0,40}|[\",\r\n=+@\t-]{0,12}") {
        let rows = csv_with_prompt(&prompt);
        let at = rows[0].iter().position(|head| head == "prompt").unwrap();
        proptest::prop_assert_eq!(rows.len(), 2);
        proptest::prop_assert_eq!(rows[1].len(), rows[0].len());
        let prompt = visible_line(&prompt);
        let guarded = format!("'{prompt}");
        proptest::prop_assert!(rows[1][at] == prompt || rows[1][at] == guarded);
        proptest::prop_assert!(!rows[1][at].starts_with(['=', '+', '-', '@', '\t', '\r']));
        proptest::prop_assert!(!rows[1][at].contains(char::is_control));
    }
}
