//! What can go wrong with a video file: where it happened, what it was, and what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file could not be read or written as video.
#[derive(Debug)]
pub struct VideoError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub kind: VideoErrorKind,
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoErrorKind {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// The path is a directory that holds no image.
    #[error("is a directory without images")]
    Directory,
    /// The directory holds images of more than one format, so at least one of them is not a frame of the clip.
    #[error("is a directory of both {} and {} images", formats[0], formats[1])]
    MixedImages {
        /// Two of the formats.
        formats: [&'static str; 2],
    },
    /// An image of the directory cannot be used as a frame.
    #[error("image {name}: {kind}")]
    Image {
        /// Name of the image.
        name: String,
        /// What is wrong with it.
        kind: Box<VideoErrorKind>,
    },
    /// Symbolic links lead in a circle.
    #[error("symbolic links form a loop")]
    SymlinkLoop,
    /// Neither the options nor the file's name say what the samples of a `.yuv` file are.
    #[error("unknown {} of raw video", missing.join(", "))]
    RawUnknown {
        /// What is missing.
        missing: Vec<&'static str>,
    },
    /// The recorded display matrix is not a quarter turn: it has another angle, a mirror or a scale.
    #[error(
        "a player would apply the matrix [{} {}; {} {}], which is not a quarter turn",
        matrix[0], matrix[1], matrix[2], matrix[3]
    )]
    UnsupportedRotation {
        /// Cells `a`, `b`, `c` and `d`, which map (x, y) to (a x + c y, b x + d y); y points down.
        matrix: [f64; 4],
    },
    /// The path is a device, a pipe or a socket.
    #[error("is not a regular file")]
    NotRegularFile,
    /// libav takes the path of an output file as text, and this path is not valid UTF-8.
    #[error("path is not valid UTF-8")]
    PathNotUtf8,
    /// The operating system refused.
    #[error("cannot access the file")]
    Io(#[source] io::Error),
    /// The file has no bytes.
    #[error("file is empty (0 bytes)")]
    Empty,
    /// The file exceeds one of the [`Limits`](crate::Limits).
    #[error("{} is over the limit of {max}", limit.describe(*value))]
    OverLimit {
        /// Which limit.
        limit: LimitName,
        /// What the file has or claims.
        value: f64,
        /// What is allowed.
        max: f64,
    },
    /// No known video container (MP4/MOV, Matroska/WebM, AVI, GIF, IVF, MPEG-TS, Ogg, Y4M).
    #[error("not a video container")]
    NotVideo(#[source] LibavError),
    /// FFmpeg's libraries do not load.
    #[error("FFmpeg's libraries are not available: {0}")]
    LibavMissing(LibavError),
    /// The container holds no video: audio only, or a cover picture.
    #[error("container {container} has no video stream")]
    NoVideoStream {
        /// Name of the container.
        container: String,
    },
    /// The file ends before its own structure says that it does.
    #[error("file is cut off: {reason}")]
    Truncated {
        /// Which part is missing.
        reason: String,
    },
    /// The container's own structure makes no sense at some point.
    #[error("file is damaged: {reason}")]
    Damaged {
        /// What is wrong, and where.
        reason: String,
    },
    /// This build of libav has no decoder for the codec.
    #[error("no decoder for codec {codec}")]
    UnsupportedCodec {
        /// Name of the codec.
        codec: String,
    },
    /// The stream cannot be turned into sRGB without guessing.
    #[error("unsupported colour: {what}")]
    UnsupportedColour {
        /// Which property.
        what: String,
    },
    /// The video stream holds no frame.
    #[error("video stream has no frames")]
    NoFrames,
    /// The bitstream is damaged; concealed frames count as damaged.
    #[error("damaged data after {frames_decoded} good frames")]
    Corrupt {
        /// Frames that came out before the damage.
        frames_decoded: u64,
        /// What libav said.
        source: LibavError,
    },
    /// The frame size changes inside the clip.
    #[error("frame {frame} is {width}x{height}, the frames before it are {first_width}x{first_height}")]
    SizeChanged {
        /// Index of the odd frame.
        frame: u64,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Width of the first frame.
        first_width: u32,
        /// Height of the first frame.
        first_height: u32,
    },
    /// A frame comes without presentation time.
    #[error("frame {frame} has no timestamp")]
    NoTimestamp {
        /// Index of the frame.
        frame: u64,
    },
    /// The clip to write has no frames or no pixels.
    #[error("nothing to encode: {count} frames of {width}x{height}")]
    NothingToEncode {
        /// Frames in the clip.
        count: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// yuv420p stores one colour sample for 2x2 pixels, so both sides must be even.
    #[error("yuv420p needs even sides, the frames are {width}x{height}")]
    OddSize {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// An encoder option is out of range.
    #[error("{option} must be {range}, got {value}")]
    InvalidOption {
        /// Name of the option.
        option: &'static str,
        /// Value given.
        value: String,
        /// Values allowed.
        range: &'static str,
    },
    /// This build of libav has no such encoder.
    #[error("libav was built without encoder {encoder}")]
    EncoderMissing {
        /// Name of the encoder.
        encoder: &'static str,
    },
    /// libav failed in a step that should work for any file.
    #[error("cannot {step}")]
    Libav {
        /// Which step, as a verb: "open the decoder".
        step: &'static str,
        /// What libav said.
        source: LibavError,
    },
}

/// Names of the [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// `max_decode_secs`.
    DecodeSecs,
    /// `max_file_bytes`.
    FileBytes,
    /// `max_width`.
    Width,
    /// `max_height`.
    Height,
    /// `max_frames`.
    Frames,
    /// `max_duration_secs`.
    DurationSecs,
    /// `max_decoded_bytes`.
    DecodedBytes,
}

/// A libav error code with its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("libav: {message}")]
pub struct LibavError {
    message: String,
}

impl VideoError {
    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        self.kind.hint()
    }
}

impl fmt::Display for VideoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}

impl Error for VideoError {
    // The message already contains the kind, so the chain continues with what lies below the kind.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

impl VideoErrorKind {
    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Corrupt { .. }
            | Self::NoFrames => Some("generate or download the file again"),
            Self::OverLimit { .. } => Some("raise the limit, or leave this file out"),
            Self::NotVideo(_) => Some("pass an MP4, MOV, MKV, WebM, AVI or GIF file"),
            Self::NoVideoStream { .. } => Some("pass a file with a video stream"),
            Self::OddSize { .. } => Some("use yuv444p, or crop the frames to even sides"),
            Self::EncoderMissing { .. } => Some("install an FFmpeg with this encoder, or write FFV1"),
            Self::UnsupportedColour { .. } => Some("convert the file to BT.709 SDR first"),
            Self::PathNotUtf8 => Some("rename the file"),
            Self::UnsupportedCodec { .. } => Some("install an FFmpeg with this decoder"),
            Self::LibavMissing(_) => {
                Some("install FFmpeg's libraries: sudo apt-get install libavformat-dev libswscale-dev")
            }
            Self::Directory => {
                Some("pass a video file, or a folder of PNG, JPEG, WebP, BMP, TIFF or PNM frames")
            }
            Self::MixedImages { .. } => {
                Some("keep the frames of one clip in one format, alone in their folder")
            }
            Self::Image { kind, .. } => kind.hint(),
            Self::RawUnknown { .. } => Some(
                "set --raw-size, --raw-format and --raw-fps, or name the file like clip_832x480_yuv420p_24fps.yuv",
            ),
            Self::UnsupportedRotation { .. } => {
                Some("rewrite the file with the matrix applied to its frames")
            }
            Self::Missing
            | Self::SymlinkLoop
            | Self::NotRegularFile
            | Self::Io(_)
            | Self::SizeChanged { .. }
            | Self::NoTimestamp { .. }
            | Self::NothingToEncode { .. }
            | Self::InvalidOption { .. }
            | Self::Libav { .. } => None,
        }
    }

    pub(crate) fn at(self, path: &Path) -> VideoError {
        VideoError { path: path.to_path_buf(), kind: self }
    }
}

impl LimitName {
    fn describe(self, value: f64) -> String {
        match self {
            Self::DecodeSecs => format!("decoding time of {value:.3} s"),
            Self::FileBytes => format!("file size of {value} bytes"),
            Self::Width => format!("width of {value} pixels"),
            Self::Height => format!("height of {value} pixels"),
            Self::Frames => format!("{value} frames"),
            Self::DurationSecs => format!("duration of {value} s"),
            Self::DecodedBytes => format!("decoded size of {value} bytes"),
        }
    }
}

impl LibavError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl From<ffmpeg_next::Error> for LibavError {
    fn from(error: ffmpeg_next::Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_file_and_the_chain_ends_in_libav() {
        let source = LibavError::new("Invalid data found when processing input");
        let error = VideoErrorKind::Corrupt { frames_decoded: 7, source }.at(Path::new("a.mp4"));
        assert_eq!(error.to_string(), "a.mp4: damaged data after 7 good frames");
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, "libav: Invalid data found when processing input");
        assert_eq!(error.hint(), Some("generate or download the file again"));
    }
}
