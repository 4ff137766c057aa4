//! What the embedded model can do. Everything else is refused before any work, and never changed into something it can
//! do.

use vidbench_core::protocol::{GenerateParams, RpcError};
use vidbench_core::{ErrorKind, Params};
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE, parse_prompt};
use vidbench_video::Fps;

/// Most denoising steps.
pub const MAX_STEPS: u32 = 256;
/// Largest guidance; beyond it the estimates are far outside of anything the decoder was trained on.
const MAX_GUIDANCE: f64 = 100.0;
/// Frame rates that are written, in frames per second.
const FPS_RANGE: std::ops::RangeInclusive<f64> = 1.0..=60.0;

/// The frame rate of the file, once everything besides the prompt has been found possible.
pub(super) fn checked_fps(request: &GenerateParams) -> Result<Fps, RpcError> {
    if request.negative.is_some() {
        return Err(unsupported("a negative prompt", "omit the negative prompt".into()));
    }
    check_params(&request.params)
}

/// The frame rate of the file, when the model can do what the parameters ask for.
///
/// # Errors
///
/// `unsupported`, with what it can do as the hint.
pub fn check_params(params: &Params) -> Result<Fps, RpcError> {
    let Params { steps, guidance, frames, width, height, fps } = *params;
    if frames as usize != FRAME_COUNT {
        return Err(unsupported(&format!("{frames} frames"), format!("ask for {FRAME_COUNT} frames")));
    }
    if [width, height].map(|side| side as usize) != [FRAME_SIZE; 2] {
        let hint = format!("ask for {FRAME_SIZE}x{FRAME_SIZE} pixels");
        return Err(unsupported(&format!("{width}x{height} pixels"), hint));
    }
    if !(1..=MAX_STEPS).contains(&steps) {
        return Err(unsupported(&format!("{steps} steps"), format!("ask for 1 to {MAX_STEPS} steps")));
    }
    if !(0.0..=MAX_GUIDANCE).contains(&guidance) {
        let hint = format!("ask for guidance from 0 to {MAX_GUIDANCE}");
        return Err(unsupported(&format!("guidance {guidance}"), hint));
    }
    fps_ratio(fps).ok_or_else(|| {
        unsupported(
            &format!("{fps} frames per second"),
            "ask for 1 to 60, with at most 3 decimal places".into(),
        )
    })
}

/// What the prompt says, in the words of the grammar.
pub(super) fn parsed_prompt(prompt: &str) -> Result<Attributes, RpcError> {
    parse_prompt(prompt).map_err(|error| {
        let message = format!("prompt is outside the grammar of shapes-ldm: {error}");
        RpcError::new(ErrorKind::InvalidRequest, message).with_hint(error.hints().join("\n"))
    })
}

/// A frame rate in thousandths is exact in a container and enough for 23.976. A finer one would be rounded without
/// telling the user.
fn fps_ratio(fps: f64) -> Option<Fps> {
    let thousandths = (fps * 1000.0).round();
    let exact = FPS_RANGE.contains(&fps) && (thousandths / 1000.0 - fps).abs() < 1e-9;
    exact.then(|| Fps::new(thousandths as u32, 1000)).flatten()
}

fn unsupported(what: &str, hint: String) -> RpcError {
    RpcError::new(ErrorKind::Unsupported, format!("shapes-ldm cannot do {what}")).with_hint(hint)
}
