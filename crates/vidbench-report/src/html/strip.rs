//! A metric frame by frame, as a small line under its clip.

use std::fmt::Write as _;

use vidbench_core::{MetricScore, Series};

use super::escape::escape;
use crate::number::decimals_for;
use crate::results::short_name;

/// Size of the drawing; the page stretches it to the width of the clip.
const WIDTH: f32 = 200.0;
const HEIGHT: f32 = 26.0;
/// Most points of a line. With more frames, the lowest value of each part is drawn, because that is where a clip fails.
const MAX_POINTS: usize = 200;

/// How many lines are shown at once; the others are folded away.
const SHOWN: usize = 3;

/// One line for each score that has a series over the clip.
pub(super) fn write(out: &mut String, scores: &[MetricScore]) {
    let course = |score: &MetricScore| {
        let series = score.series.clone().filter(|series| series.values.len() > 1)?;
        Some((short_name(&score.metric), series))
    };
    let courses: Vec<(String, Series)> = scores.iter().filter_map(course).collect();
    let (shown, folded) = courses.split_at(SHOWN.min(courses.len()));
    shown.iter().for_each(|(name, series)| write_one(out, name, series));
    if !folded.is_empty() {
        let _ =
            write!(out, "<details class=\"more\"><summary>{} more frame by frame</summary>", folded.len());
        folded.iter().for_each(|(name, series)| write_one(out, name, series));
        *out += "</details>";
    }
}

fn write_one(out: &mut String, name: &str, series: &Series) {
    let (low, high) =
        series.values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let first = series.first_frame;
    let last = first as usize + series.values.len() - 1;
    let digits = |value: f32| format!("{value:.*}", decimals_for(f64::from(value), 4).min(4));
    let label = format!("{name}, frames {first} to {last}: {} to {}", digits(low), digits(high));
    let _ = write!(
        out,
        "<figure class=\"strip\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{0}\"><title>{0}</title><polyline points=\"",
        escape(&label)
    );
    let span = if high > low { high - low } else { 1.0 };
    let values = thinned(&series.values);
    let step = WIDTH / (values.len() - 1) as f32;
    for (at, value) in values.iter().enumerate() {
        let y = HEIGHT - 1.5 - (value - low) / span * (HEIGHT - 3.0);
        let _ = write!(out, "{:.1},{y:.1} ", at as f32 * step);
    }
    let _ = write!(
        out,
        "\"/></svg><figcaption>{} <span>{} to {}</span></figcaption></figure>",
        escape(name),
        digits(low),
        digits(high)
    );
}

/// At most [`MAX_POINTS`] values, the lowest of each part; at least two.
fn thinned(values: &[f32]) -> Vec<f32> {
    let part = values.len().div_ceil(MAX_POINTS);
    values.chunks(part.max(1)).map(|part| part.iter().copied().fold(f32::MAX, f32::min)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_clip_keeps_its_dips() {
        let mut values = vec![1.0; 5000];
        values[4321] = 0.25;
        let thinned = thinned(&values);
        assert!(thinned.len() <= MAX_POINTS && thinned.len() > 100);
        assert_eq!(thinned.iter().filter(|value| **value == 0.25).count(), 1);
    }

    #[test]
    fn a_series_of_one_frame_draws_no_line() {
        let score = |values: &[f32]| MetricScore {
            metric: vidbench_core::MetricId::new("psnr@1").unwrap(),
            score: vidbench_core::Score::Value(1.0),
            series: Some(Series { first_frame: 1, values: values.to_vec() }),
            note: None,
        };
        let mut out = String::new();
        write(&mut out, &[score(&[1.0])]);
        assert_eq!(out, "");
        write(&mut out, &[score(&[1.0, 1.0, 2.0])]);
        assert!(
            out.contains("psnr, frames 1 to 3: 1.000 to 2.000")
                && out.contains("0.0,24.5 100.0,24.5 200.0,1.5"),
            "{out}"
        );
    }
}
