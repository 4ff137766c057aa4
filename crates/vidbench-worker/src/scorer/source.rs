//! Where frames come from: the file itself, or a thread that decodes ahead of the nets.

use std::time::Duration;

use vidbench_core::{DecodedFrame, path_from_text};
use vidbench_metrics::MetricError;
use vidbench_video::{FrameReader, Probe, ReadAhead, ReadOptions, VideoError};

use vidbench_core::with_causes;

/// A file that is read to its end.
#[derive(Debug)]
pub(super) enum Source {
    /// Frame by frame on this thread: meters without nets take less time than passing a frame between threads.
    Here(FrameReader),
    /// Ahead on a thread of its own, for nets, which take long.
    Ahead(ReadAhead),
}

impl Source {
    pub(super) fn open(path: &str, options: &ReadOptions, ahead: bool) -> Result<Self, VideoError> {
        let reader = FrameReader::open_with(path_from_text(path), options)?;
        Ok(if ahead { Self::Ahead(ReadAhead::new(reader)) } else { Self::Here(reader) })
    }

    pub(super) fn next_frame(&mut self) -> Result<Option<DecodedFrame<'_>>, VideoError> {
        match self {
            Self::Here(reader) => reader.next_frame(),
            Self::Ahead(ahead) => ahead.next_frame(),
        }
    }

    pub(super) fn probe(&self) -> &Probe {
        match self {
            Self::Here(reader) => reader.probe(),
            Self::Ahead(ahead) => ahead.probe(),
        }
    }

    /// Frames a second, if the file says it.
    pub(super) fn fps(&self) -> Option<f64> {
        self.probe().fps.map(|fps| fps.hz())
    }

    /// What reading took.
    pub(super) fn spent(&self) -> Duration {
        match self {
            Self::Here(reader) => reader.spent(),
            Self::Ahead(ahead) => ahead.spent(),
        }
    }
}

/// The image that a clip was made from.
pub(super) struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Image {
    pub(super) fn read(path: Option<&str>, options: &ReadOptions) -> Result<Self, MetricError> {
        let path = path_from_text(path.ok_or(MetricError::NoImage)?);
        let failed = |error: VideoError| MetricError::Image { reason: with_causes(&error.kind) };
        let mut reader =
            FrameReader::open_image(path, &ReadOptions { rgb: true, ..options.clone() }).map_err(failed)?;
        let frame = reader.next_frame().map_err(failed)?;
        let frame = frame.ok_or_else(|| MetricError::Image { reason: "it has no pixels".into() })?;
        Ok(Self { width: frame.width, height: frame.height, rgb: frame.rgb.to_vec() })
    }

    pub(super) fn lent(&self) -> DecodedFrame<'_> {
        let Self { width, height, ref rgb } = *self;
        DecodedFrame { index: 0, timestamp_secs: 0.0, width, height, rgb, planes: None }
    }
}
