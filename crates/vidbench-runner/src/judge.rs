//! Whether a decoded file is what was asked for.

use vidbench_core::{ClipFacts, Params};

/// Containers round frame rates to their time base; a larger difference means another rate.
const FPS_TOLERANCE: f64 = 0.01;

/// What differs between the file and the request, or why it is no video; `None` for a file as requested.
pub fn mismatch(requested: &Params, observed: &ClipFacts) -> Option<String> {
    let mut differences = differences(requested, observed);
    if observed.frames > 0 && observed.black_frames == observed.frames {
        differences.push("every frame is black".into());
    } else if observed.frames > 1 && observed.frozen {
        differences.push(format!("frozen: all {} frames are the same", observed.frames));
    }
    in_words(&differences)
}

/// What differs between the file and the request. Random weights may well draw the same grey in every frame.
pub(crate) fn shape_mismatch(requested: &Params, observed: &ClipFacts) -> Option<String> {
    in_words(&differences(requested, observed))
}

fn in_words(differences: &[String]) -> Option<String> {
    (!differences.is_empty()).then(|| differences.join("; "))
}

fn differences(requested: &Params, observed: &ClipFacts) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, asked: String, seen: String| {
        differences.push(format!("{what}: asked {asked}, got {seen}"));
    };
    if observed.frames != requested.frames {
        differ("frames", requested.frames.to_string(), observed.frames.to_string());
    }
    if (observed.width, observed.height) != (requested.width, requested.height) {
        let size = |width, height| format!("{width}x{height}");
        differ("size", size(requested.width, requested.height), size(observed.width, observed.height));
    }
    if (observed.fps - requested.fps).abs() > FPS_TOLERANCE * requested.fps {
        differ("fps", requested.fps.to_string(), format!("{:.3}", observed.fps));
    }
    if let Some(duration) = observed.duration_secs {
        // One frame of slack: containers count to the start or to the end of the last frame.
        let expected = f64::from(requested.frames) / requested.fps;
        if (duration - expected).abs() > 1.0 / requested.fps + 0.01 {
            differ("duration", format!("{expected:.3} s"), format!("{duration:.3} s"));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Params {
        Params { steps: 4, guidance: 3.0, frames: 16, width: 64, height: 64, fps: 8.0 }
    }

    fn seen() -> ClipFacts {
        ClipFacts {
            container: "mov,mp4".into(),
            codec: "h264".into(),
            pixel_format: "yuv420p".into(),
            width: 64,
            height: 64,
            frames: 16,
            fps: 8.0,
            duration_secs: Some(2.0),
            black_frames: 0,
            duplicate_frames: 0,
            frozen: false,
        }
    }

    fn check(change: impl FnOnce(&mut ClipFacts), expected: Option<&str>) {
        let mut facts = seen();
        change(&mut facts);
        assert_eq!(mismatch(&asked(), &facts).as_deref(), expected);
    }

    #[test]
    fn a_file_as_asked_has_no_mismatch() {
        check(|_| {}, None);
        check(|facts| facts.fps = 8.001, None);
        check(|facts| facts.duration_secs = None, None);
        check(|facts| facts.duplicate_frames = 3, None);
        check(|facts| facts.black_frames = 15, None);
    }

    #[test]
    fn each_difference_is_named_with_both_sides() {
        check(|facts| facts.frames = 15, Some("frames: asked 16, got 15"));
        check(|facts| facts.width = 32, Some("size: asked 64x64, got 32x64"));
        check(|facts| facts.fps = 24.0, Some("fps: asked 8, got 24.000"));
        check(|facts| facts.duration_secs = Some(4.0), Some("duration: asked 2.000 s, got 4.000 s"));
        check(|facts| facts.black_frames = 16, Some("every frame is black"));
        check(|facts| facts.frozen = true, Some("frozen: all 16 frames are the same"));
    }

    #[test]
    fn random_weights_may_draw_the_same_in_every_frame() {
        assert_eq!(shape_mismatch(&asked(), &ClipFacts { frozen: true, black_frames: 16, ..seen() }), None);
        assert!(shape_mismatch(&asked(), &ClipFacts { frames: 8, ..seen() }).is_some());
    }

    #[test]
    fn several_differences_are_all_named() {
        let both = |facts: &mut ClipFacts| (facts.frames, facts.height) = (8, 32);
        check(both, Some("frames: asked 16, got 8; size: asked 64x64, got 64x32"));
    }
}
