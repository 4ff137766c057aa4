//! Containers and codecs: probe, decode, encode, and facts about a clip.
//!
//! The only crate of the workspace that links libav and, where it is installed, libvmaf. Every input file is treated as
//! hostile: the result is frames or a named [`VideoErrorKind`], never a placeholder, a clamped size, or a frame that
//! libav had to repair. Nothing is written to stdout or stderr; libav's own log is off. Frames look as a player shows
//! them, in the size in which they are stored; docs/decoding.md says which pixels those are.
//!
//! ```
//! use vidbench_core::FramesU8;
//! use vidbench_video::{Fps, Limits, clip_stats, decode, encode_ffv1};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("grey.mkv");
//! let frames = FramesU8::new(2, 16, 16, vec![128; 2 * 16 * 16 * 3])?;
//! encode_ffv1(&path, &frames, Fps::new(24, 1).ok_or("zero rate")?)?;
//! let clip = decode(&path, &Limits::default())?;
//! assert_eq!(clip.frames, frames);
//! assert!(clip_stats(&clip.frames).frozen);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod budget;
mod clip_stats;
mod colour;
mod convert;
mod decode;
mod decode_ahead;
mod encode;
mod error;
mod ffv1_checksum;
mod fps;
mod frame_reader;
mod images;
mod lazy;
mod libav;
mod limits;
mod options;
mod planes;
mod probe;
mod raw;
mod read_ahead;
mod reader;
mod resize;
mod rgb;
mod source;
mod structure;
mod turn;
mod version;
mod vmaf;
mod y4m;
mod yuv;

pub use clip_stats::{BLACK_FRAME_SHARE, BLACK_LUMA_MAX, ClipStats, ClipStatsMeter, clip_stats};
pub use colour::{Colour, ColourMatrix, ColourRange};
pub use decode::{Clip, decode, decode_each};
pub use encode::{H264Options, H264PixelFormat, X264Preset, encode_ffv1, encode_h264};
pub use error::{LibavError, LimitName, VideoError, VideoErrorKind};
pub use fps::Fps;
pub use frame_reader::FrameReader;
pub use limits::Limits;
pub use options::ReadOptions;
pub use probe::{FrameCount, FrameCountSource, Probe, probe};
pub use raw::{RawPixelFormat, RawVideo, UnknownPixelFormat};
pub use read_ahead::ReadAhead;
pub use resize::{
    ByteResize, CropError, FloatResize, ImageShape, ResizeError, Size, centre_crop, longer_side,
    resize_bytes, resize_float, shorter_side,
};
pub use version::libav_version;
pub use vmaf::{Vmaf, VmafError, VmafScores, libvmaf_version};
