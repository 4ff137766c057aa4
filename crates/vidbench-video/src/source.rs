//! Where frames come from: a container, a folder of images, or samples without any header.

use std::fs;
use std::path::Path;

use ffmpeg_next::frame;

use crate::budget::TimeBudget;
use crate::colour::ColourTags;
use crate::decode_ahead::DecodeAhead;
use crate::error::VideoErrorKind;
use crate::images::ImageFolder;
use crate::libav;
use crate::options::ReadOptions;
use crate::probe::Probe;
use crate::raw::RawReader;
use crate::reader::{Containers, VideoReader, io_kind};
use crate::turn::Turn;

#[derive(Debug)]
pub(crate) enum Source {
    Video(Box<VideoReader>),
    Ahead(Box<DecodeAhead>),
    Images(Box<ImageFolder>),
    Raw(Box<RawReader>),
}

impl Source {
    pub(crate) fn open(
        path: &Path,
        options: &ReadOptions,
        budget: &TimeBudget,
    ) -> Result<Self, VideoErrorKind> {
        let metadata = fs::metadata(path).map_err(io_kind)?;
        if metadata.is_dir() {
            return ImageFolder::open(path, options, budget).map(|folder| Self::Images(Box::new(folder)));
        }
        if metadata.is_file() && path.extension().is_some_and(|name| name.eq_ignore_ascii_case("yuv")) {
            return RawReader::open(path, options).map(|reader| Self::Raw(Box::new(reader)));
        }
        let open = |budget: &TimeBudget| VideoReader::open(path, &options.limits, Containers::Video, budget);
        if options.limits.max_threads <= 1 {
            return open(budget).map(|reader| Self::Video(Box::new(reader)));
        }
        let own = TimeBudget::new(options.limits.max_decode_secs);
        let reader = own.run(|| open(&own))?;
        Ok(Self::Ahead(Box::new(DecodeAhead::new(reader, own))))
    }

    pub(crate) fn open_image(
        path: &Path,
        options: &ReadOptions,
        budget: &TimeBudget,
    ) -> Result<Self, VideoErrorKind> {
        ImageFolder::of_one(path, options, budget).map(|image| Self::Images(Box::new(image)))
    }

    /// Decodes the next frame and returns its timestamp in seconds; `None` after the last.
    pub(crate) fn next_frame(&mut self) -> Result<Option<f64>, VideoErrorKind> {
        match self {
            Self::Video(reader) => reader.next_frame(),
            Self::Ahead(reader) => reader.next_frame(),
            Self::Images(folder) => folder.next_frame(),
            Self::Raw(reader) => reader.next_frame(),
        }
    }

    /// The frame of the last successful [`Self::next_frame`], as stored, with its colour tags.
    pub(crate) fn frame(&self) -> (&frame::Video, ColourTags) {
        let frame = match self {
            Self::Video(reader) => reader.frame(),
            Self::Ahead(reader) => reader.frame(),
            Self::Images(folder) => folder.frame(),
            Self::Raw(reader) => reader.frame(),
        };
        let tags = libav::frame_colour_tags(frame);
        match self {
            Self::Images(_) => (frame, tags.of_image()),
            Self::Video(_) | Self::Ahead(_) | Self::Raw(_) => (frame, tags),
        }
    }

    /// The turn that a player applies to the frames.
    pub(crate) fn turn(&self) -> Turn {
        match self {
            Self::Video(reader) => reader.turn(),
            Self::Ahead(reader) => reader.turn(),
            Self::Images(_) | Self::Raw(_) => Turn::None,
        }
    }

    /// Facts so far; complete once every frame was read.
    pub(crate) fn probe(&self) -> &Probe {
        match self {
            Self::Video(reader) => reader.probe(),
            Self::Ahead(reader) => reader.probe(),
            Self::Images(folder) => folder.probe(),
            Self::Raw(reader) => reader.probe(),
        }
    }

    pub(crate) fn into_probe(self) -> Probe {
        self.probe().clone()
    }
}
