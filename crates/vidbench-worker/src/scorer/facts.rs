//! What the decoder saw of a clip.

use vidbench_core::{ClipFacts, DecodedFrame};
use vidbench_video::{ClipStatsMeter, Probe};

/// Gathers the facts frame by frame.
#[derive(Debug)]
pub(super) struct FactsMeter {
    stats: ClipStatsMeter,
    timestamps: Option<(f64, f64)>,
    frames: usize,
}

impl FactsMeter {
    pub(super) fn new() -> Self {
        Self { stats: ClipStatsMeter::new(), timestamps: None, frames: 0 }
    }

    pub(super) fn push(&mut self, frame: &DecodedFrame<'_>) {
        self.stats.push(frame);
        self.frames += 1;
        let first = self.timestamps.map_or(frame.timestamp_secs, |(first, _)| first);
        self.timestamps = Some((first, frame.timestamp_secs));
    }

    /// Frames so far.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// The facts; the reason when the frame rate is neither recorded nor shown by the timestamps.
    pub(super) fn finish(self, probe: &Probe) -> Result<ClipFacts, String> {
        let stats = self.stats.finish();
        let fps = match probe.fps {
            Some(fps) => fps.hz(),
            None => shown_fps(self.frames, self.timestamps)
                .ok_or("the file states no frame rate, and none can be derived from it")?,
        };
        Ok(ClipFacts {
            container: probe.container.clone(),
            codec: probe.codec.clone(),
            pixel_format: probe.pixel_format.clone(),
            width: probe.width,
            height: probe.height,
            frames: count(stats.frame_count),
            fps,
            duration_secs: probe.duration_secs,
            black_frames: count(stats.black_frames),
            duplicate_frames: count(stats.duplicate_frames),
            frozen: stats.frozen,
        })
    }
}

/// Frames a second between the first and the last frame.
fn shown_fps(frames: usize, timestamps: Option<(f64, f64)>) -> Option<f64> {
    let (first, last) = timestamps?;
    let fps = frames.checked_sub(1)? as f64 / (last - first);
    (fps.is_finite() && fps > 0.0).then_some(fps)
}

/// Frames are bounded by [`Limits::max_frames`](vidbench_video::Limits::max_frames), far below 2^32.
fn count(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_from_timestamps_when_there_are_two() {
        assert_eq!(shown_fps(3, Some((0.0, 1.0))), Some(2.0));
        assert_eq!(shown_fps(1, Some((0.0, 0.0))), None);
        assert_eq!(shown_fps(2, Some((1.0, 1.0))), None);
        assert_eq!(shown_fps(0, None), None);
    }
}
