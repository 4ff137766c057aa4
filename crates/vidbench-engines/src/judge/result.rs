//! Whether a result fits the request it answers.

use vidbench_core::WeightsOrigin;
use vidbench_core::protocol::{
    Features, GenerateParams, GenerateResult, LoadParams, LoadResult, ScoreParams, ScoreResult, Stage,
    StageSpan,
};

/// 2^56, the address space of a processor: no process has held more.
const MAX_BYTES: u64 = 1 << 56;

/// Checks that the loaded model is the one asked for.
pub(crate) fn load_result(params: &LoadParams, result: &LoadResult) -> Result<(), String> {
    if let WeightsOrigin::Sha256(hash) = &result.model.weights
        && !(hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    {
        return Err("weights.sha256 is not 64 lower-case hexadecimal digits".into());
    }
    if result.model.id != params.model {
        return Err(format!("loaded model {} for {}", result.model.id, params.model));
    }
    check_secs("load_secs", result.load_secs)
}

/// Checks that the file is the one asked for, and that the stages lie in the request, in order and without overlap;
/// encoding comes after the generation's end.
pub(crate) fn generate_result(params: &GenerateParams, result: &GenerateResult) -> Result<(), String> {
    let &GenerateResult { ref output, start_ns, end_ns, ref stages, .. } = result;
    if *output != params.output {
        return Err(format!("wrote {output:?} instead of {:?}", params.output));
    }
    if start_ns > end_ns {
        return Err(format!("the generation ends at {end_ns} ns, before it starts at {start_ns} ns"));
    }
    if let Some(bytes) = result.peak_rss_bytes.filter(|bytes| *bytes > MAX_BYTES) {
        return Err(format!("peak_rss_bytes is implausible: {bytes}"));
    }
    if let Some(bytes) = result.peak_device_bytes.filter(|bytes| bytes.reserved > MAX_BYTES) {
        return Err(format!("peak_device_bytes.reserved is implausible: {}", bytes.reserved));
    }
    if let Some(bytes) = result.peak_device_bytes.filter(|bytes| bytes.allocated > bytes.reserved) {
        return Err(format!(
            "peak_device_bytes: {} bytes were allocated, but only {} reserved",
            bytes.allocated, bytes.reserved
        ));
    }
    let mut from_ns = start_ns;
    for span in stages {
        span_order(span, from_ns)?;
        span_window(span, end_ns)?;
        from_ns = span.end_ns;
    }
    Ok(())
}

/// Checks that a stage does not start before `from_ns`, where the previous stage ends, and does not end before it
/// starts.
pub(crate) fn span_order(span: &StageSpan, from_ns: u64) -> Result<(), String> {
    let &StageSpan { name, start_ns, end_ns } = span;
    let name = name.name();
    if end_ns < start_ns {
        return Err(format!("stage {name} ends at {end_ns} ns, before it starts at {start_ns} ns"));
    }
    if start_ns < from_ns {
        return Err(format!(
            "stage {name} starts at {start_ns} ns, before the previous stage ends or the generation starts at {from_ns} ns"
        ));
    }
    Ok(())
}

fn span_window(span: &StageSpan, end_ns: u64) -> Result<(), String> {
    match span.name {
        Stage::Encode if span.start_ns < end_ns => Err(format!(
            "stage encode starts at {} ns, inside the generation that ends at {end_ns} ns",
            span.start_ns
        )),
        Stage::Encode => Ok(()),
        name if span.end_ns > end_ns => Err(format!(
            "stage {} ends at {} ns, after the generation ends at {end_ns} ns",
            name.name(),
            span.end_ns
        )),
        _ => Ok(()),
    }
}

/// Checks that scores answer metrics that were asked for, once each and in order, and that features are finite.
pub(crate) fn score_result(params: &ScoreParams, result: &ScoreResult) -> Result<(), String> {
    let mut asked = params.metrics.iter();
    for score in &result.scores {
        if !asked.any(|metric| *metric == score.metric) {
            return Err(format!(
                "score of {} was not requested, is repeated or is out of order",
                score.metric
            ));
        }
    }
    if result.decoded.facts().is_none() && !(result.scores.is_empty() && result.features.is_empty()) {
        return Err("a file that could not be decoded has scores or features".into());
    }
    let broken =
        result.features.iter().find(|features| features.values.iter().any(|value| !value.is_finite()));
    if let Some(features) = broken {
        return Err(format!("features of net {:?} are not finite", features.net));
    }
    for Features { net, rows, values } in &result.features {
        let whole = *rows > 0 && values.len().is_multiple_of(*rows as usize);
        if !whole || (*rows > 1 && values.is_empty()) {
            return Err(format!("features of net {net:?} are {} numbers in {rows} rows", values.len()));
        }
    }
    check_secs("decode_secs", result.decode_secs)?;
    check_secs("score_secs", result.score_secs)
}

fn check_secs(name: &str, secs: f64) -> Result<(), String> {
    if secs.is_finite() && secs >= 0.0 { Ok(()) } else { Err(format!("{name} is {secs}, not a duration")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn generate(stages: &[(Stage, u64, u64)]) -> Result<(), String> {
        let params = json!({"steps": 1, "guidance": 1.0, "frames": 1, "width": 8, "height": 8, "fps": 8.0});
        let params = json!({"sample": "00".repeat(16), "model": "m", "prompt": "p", "seed": 1, "params": params,
            "output": "/x/a.mp4"});
        let stages: Vec<Value> = stages
            .iter()
            .map(|(name, start, end)| json!({"name": name, "start_ns": start, "end_ns": end}))
            .collect();
        let result = json!({"output": "/x/a.mp4", "start_ns": 10, "end_ns": 20, "stages": stages,
            "peak_rss_bytes": null});
        generate_result(&read(params), &read(result))
    }

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn stages_inside_the_request_in_order_are_sound() {
        assert_eq!(generate(&[]), Ok(()));
        let stages = [
            (Stage::TextEncode, 10, 12),
            (Stage::Denoise, 12, 19),
            (Stage::VaeDecode, 19, 20),
            (Stage::Encode, 20, 90),
        ];
        assert_eq!(generate(&stages), Ok(()));
    }

    #[test]
    fn stages_that_do_not_fit_are_named() {
        for (stages, part) in [
            (vec![(Stage::Denoise, 9, 12)], "denoise starts at 9 ns"),
            (vec![(Stage::Denoise, 12, 11)], "denoise ends at 11 ns, before it starts"),
            (vec![(Stage::Denoise, 10, 21)], "denoise ends at 21 ns, after the generation"),
            (vec![(Stage::TextEncode, 10, 13), (Stage::Denoise, 12, 19)], "denoise starts at 12 ns"),
            (vec![(Stage::Encode, 19, 25)], "encode starts at 19 ns, inside"),
        ] {
            let fault = generate(&stages).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
    }

    fn score(metrics: &[&str], scored: &[&str], feature: f64) -> Result<(), String> {
        let facts = json!({"container": "mp4", "codec": "h264", "pixel_format": "yuv420p", "width": 8, "height": 8,
            "frames": 1, "fps": 8.0, "duration_secs": null, "black_frames": 0, "duplicate_frames": 0,
            "frozen": false});
        let scores: Vec<Value> =
            scored.iter().map(|metric| json!({"metric": metric, "score": {"value": 0.5}})).collect();
        let result = json!({"decoded": {"facts": facts}, "scores": scores, "decode_secs": 0.1, "score_secs": 0.0,
            "features": [{"net": "n@0", "values": [feature]}]});
        score_result(&read(json!({"path": "/x", "metrics": metrics})), &read(result))
    }

    #[test]
    fn scores_answer_what_was_asked_once_and_in_order() {
        assert_eq!(score(&["a@1", "b@1", "c@1"], &["a@1", "c@1"], 1.0), Ok(()));
        for scored in [&["d@1"][..], &["a@1", "a@1"], &["b@1", "a@1"]] {
            assert!(score(&["a@1", "b@1"], scored, 1.0).unwrap_err().contains("not requested"), "{scored:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_decoded_has_no_scores() {
        let failed = |scores: Value| {
            let result = json!({"decoded": {"failed": {"reason": "no video"}}, "scores": scores, "features": [],
                "decode_secs": 0.1, "score_secs": 0.0});
            score_result(&read(json!({"path": "/x", "metrics": ["a@1"]})), &read(result))
        };
        assert_eq!(failed(json!([])), Ok(()));
        let scored = failed(json!([{"metric": "a@1", "score": {"value": 0.5}}]));
        assert!(scored.unwrap_err().contains("could not be decoded"));
    }

    #[test]
    fn features_that_overflow_their_type_are_refused() {
        assert!(score(&[], &[], 1e300).unwrap_err().contains("not finite"));
    }

    #[test]
    fn a_load_that_took_less_than_nothing_or_loaded_another_is_refused() {
        let load = |id: &str, secs: f64| {
            let model =
                json!({"id": id, "revision": null, "weights": "unknown", "domain": "open", "runtime": "r"});
            let result = json!({"model": model, "load_secs": secs});
            load_result(&read(json!({"model": "a", "threads": 1})), &read(result))
        };
        assert_eq!(load("a", 0.0), Ok(()));
        assert_eq!(load("b", 0.0).unwrap_err(), "loaded model b for a");
        assert_eq!(load("a", -1.0).unwrap_err(), "load_secs is -1, not a duration");
    }
}
