//! The mean over frames of a number that a frame may lack.

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::Measured;

/// Adds up the frames' numbers. The first reason why a frame has no number becomes the reason of the clip.
#[derive(Debug, Default)]
pub(crate) struct FrameMean {
    sum: f64,
    series: Vec<f32>,
    error: Option<MetricError>,
}

impl FrameMean {
    /// Whether a frame had no number, so that the remaining frames need not be measured.
    pub(crate) fn is_over(&self) -> bool {
        self.error.is_some()
    }

    pub(crate) fn push(&mut self, value: Result<f64, MetricError>) {
        match value {
            Ok(value) => {
                self.sum += value;
                self.series.push(value as f32);
            }
            Err(error) => self.error = Some(self.error.take().unwrap_or(error)),
        }
    }

    /// The mean with the frames' numbers, which begin at frame `first_frame`.
    pub(crate) fn finish(self, first_frame: u32) -> Result<Measured, MetricError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check_frames(self.series.len() + first_frame as usize, 1 + first_frame as usize)?;
        let mean = self.sum / self.series.len() as f64;
        Ok(Measured::with_series(mean, first_frame, self.series))
    }
}
