//! Pulls decoded frames out of a file, one at a time, and stops at the first thing that is wrong.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::Path;

use ffmpeg_next::codec::decoder::{self, Check};
use ffmpeg_next::error::{EAGAIN, ELOOP};
use ffmpeg_next::format::{context::Input, context::StreamIo, stream::Disposition};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, Stream, codec, format, frame, media};

use crate::budget::TimeBudget;
use crate::colour::{Colour, ColourTags, SampleKind};
use crate::error::{LibavError, VideoErrorKind};
use crate::ffv1_checksum::fails_checksum;
use crate::libav;
use crate::limits::Limits;
use crate::probe::{self, FrameCount, FrameCountSource, Probe};
use crate::structure::{Fault, find_fault};
use crate::turn::Turn;
use crate::y4m::Y4mHeader;

/// Containers that a file may have. Playlists and scripts (HLS, DASH, concat) are excluded, because they make libav
/// open other files. Audio containers are included, so that an audio file can be told from a file that is no media at
/// all.
const VIDEO_CONTAINERS: &str =
    "mov,matroska,avi,gif,ivf,mpegts,mpeg,ogg,yuv4mpegpipe,flv,asf,wav,mp3,flac,aac";

/// Single images, each recognised by its content.
const IMAGE_CONTAINERS: &str = "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,ppm_pipe,pgm_pipe";

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Containers {
    Video,
    Image,
}

impl Containers {
    fn names(self) -> &'static str {
        match self {
            Self::Video => VIDEO_CONTAINERS,
            Self::Image => IMAGE_CONTAINERS,
        }
    }
}

pub(crate) struct VideoReader {
    limits: Limits,
    budget: TimeBudget,
    input: Input,
    decoder: decoder::Video,
    stream_idx: usize,
    time_base: Rational,
    frame: frame::Video,
    frames_decoded: u64,
    /// Width and height of the first frame, as stored.
    stored_size: (u32, u32),
    turn: Turn,
    /// Whether the times of frames come from the file. For a Y4M without a rate, libav makes them up: 25 frames a
    /// second.
    timed: bool,
    first_timestamp_secs: Option<f64>,
    /// When the last frame is shown and, in the next field, how long after the frame before.
    last_secs: Option<f64>,
    step_secs: Option<f64>,
    /// The decoder has received all packets; frames that come out now were held back.
    is_draining: bool,
    containers: Containers,
    probe: Probe,
}

impl VideoReader {
    /// The frame of the last successful [`Self::next_frame`], as stored.
    pub(crate) fn frame(&self) -> &frame::Video {
        &self.frame
    }

    /// A copy of [`Self::frame`] in memory of its own. Where a damaged HEVC slice ends early, the rest of the picture
    /// is whatever the decoder's memory held before, so that a caller that kept that memory would change later
    /// pictures.
    pub(crate) fn copy_frame(&self) -> frame::Video {
        self.frame.clone()
    }

    /// The turn that a player applies to the frames.
    pub(crate) fn turn(&self) -> Turn {
        self.turn
    }

    /// Facts so far; complete once every frame was read.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    pub(crate) fn open(
        path: &Path,
        limits: &Limits,
        containers: Containers,
        budget: &TimeBudget,
    ) -> Result<Self, VideoErrorKind> {
        let (file, y4m) = check_file(path, limits)?;
        let input = open_input(file, containers, budget)?;
        let stream = video_stream(&input)?;
        // Checked here, because a decoder that is told to refuse such sizes does not say why.
        let (width, height) = libav::stored_size(&stream);
        limits.check_size(width, height)?;
        let decoder = open_decoder(&stream, limits)?;
        let turn = probe::recorded_turn(&stream)?;
        let mut probe = stream_facts(&input, &stream, &decoder, turn);
        let timed = y4m.is_none_or(|header| header.fps.is_some());
        if !timed {
            (probe.fps, probe.duration_secs) = (None, None);
        }
        check_claims(&probe, limits)?;
        let (stream_idx, time_base) = (stream.index(), stream.time_base());
        Ok(Self {
            limits: limits.clone(),
            budget: budget.clone(),
            input,
            decoder,
            stream_idx,
            time_base,
            frame: frame::Video::empty(),
            frames_decoded: 0,
            stored_size: (0, 0),
            turn,
            timed,
            first_timestamp_secs: None,
            last_secs: None,
            step_secs: None,
            is_draining: false,
            containers,
            probe,
        })
    }

    /// Decodes the next frame and returns its timestamp in seconds; `None` after the last.
    pub(crate) fn next_frame(&mut self) -> Result<Option<f64>, VideoErrorKind> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => return self.accept_frame().map(Some),
                Err(Error::Other { errno: EAGAIN }) => self.feed_decoder()?,
                Err(Error::Eof) => return self.finish().map(|()| None),
                Err(error) => return Err(self.corrupt(error)),
            }
        }
    }

    /// Sends the next packet of the video stream, or the end of the stream.
    fn feed_decoder(&mut self) -> Result<(), VideoErrorKind> {
        loop {
            self.budget.check()?;
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.stream_idx || packet.size() == 0 => (),
                Ok(()) => return self.send_packet(&packet),
                Err(Error::Eof) => {
                    self.is_draining = true;
                    return self.decoder.send_eof().map_err(|error| self.corrupt(error));
                }
                Err(error) => return Err(self.corrupt(error)),
            }
        }
    }

    fn send_packet(&mut self, packet: &Packet) -> Result<(), VideoErrorKind> {
        if packet.is_corrupt() {
            return Err(self.corrupt(LibavError::new("packet is incomplete")));
        }
        if self.decoder.id() == codec::Id::FFV1 && packet.data().is_some_and(fails_checksum) {
            return Err(self.corrupt(LibavError::new("FFV1 slice fails its checksum")));
        }
        self.decoder.send_packet(packet).map_err(|error| self.corrupt(error))
    }

    fn accept_frame(&mut self) -> Result<f64, VideoErrorKind> {
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            return Err(self.corrupt(LibavError::new("decoder concealed an error")));
        }
        self.check_size()?;
        let secs = self.timestamp_secs()?;
        self.step_secs = self.last_secs.map(|last| secs - last).or(self.step_secs);
        self.last_secs = Some(secs);
        self.frames_decoded += 1;
        self.limits.check_frames(self.frames_decoded)?;
        let first = *self.first_timestamp_secs.get_or_insert(secs);
        self.limits.check_duration_secs(secs - first)?;
        Ok(secs)
    }

    /// The first frame settles size and colour, which headers may get wrong; all other frames must have the same size.
    fn check_size(&mut self) -> Result<(), VideoErrorKind> {
        let (width, height) = (self.frame.width(), self.frame.height());
        let (first_width, first_height) = self.stored_size;
        if self.frames_decoded == 0 {
            self.limits.check_size(width, height)?;
            self.stored_size = (width, height);
            (self.probe.width, self.probe.height) = self.turn.size((width, height));
            self.probe.pixel_format = pixel_format_name(self.frame.format());
            let tags = libav::frame_colour_tags(&self.frame);
            let tags = if self.containers == Containers::Image { tags.of_image() } else { tags };
            self.probe.colour = colour(tags, self.frame.format(), height);
        } else if (width, height) != (first_width, first_height) {
            let frame = self.frames_decoded;
            return Err(VideoErrorKind::SizeChanged { frame, width, height, first_width, first_height });
        }
        Ok(())
    }

    fn timestamp_secs(&self) -> Result<f64, VideoErrorKind> {
        if !self.timed {
            return Ok(0.0);
        }
        let ticks = self.frame.timestamp();
        let secs = ticks.and_then(|ticks| probe::secs_from_ticks(ticks, self.time_base));
        // A lone image has no presentation time.
        let secs = secs.or((self.containers == Containers::Image).then_some(0.0));
        // AVI stores only when packets are decoded. For the frames that B-frames held back to the end, no packet is
        // left to give the time.
        let follows = || Some(self.last_secs? + self.step_secs?);
        let secs = secs.or_else(|| if self.is_draining { follows() } else { None });
        secs.ok_or(VideoErrorKind::NoTimestamp { frame: self.frames_decoded })
    }

    fn finish(&mut self) -> Result<(), VideoErrorKind> {
        if self.frames_decoded == 0 {
            return Err(VideoErrorKind::NoFrames);
        }
        let count = &mut self.probe.frame_count;
        (count.frames, count.source) = (self.frames_decoded, FrameCountSource::Decoded);
        Ok(())
    }

    fn corrupt(&self, error: impl Into<LibavError>) -> VideoErrorKind {
        VideoErrorKind::Corrupt { frames_decoded: self.frames_decoded, source: error.into() }
    }
}

impl fmt::Debug for VideoReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoReader").field("probe", &self.probe).finish_non_exhaustive()
    }
}

/// Makes every check that is possible before libav sees the file.
fn check_file(path: &Path, limits: &Limits) -> Result<(File, Option<Y4mHeader>), VideoErrorKind> {
    let (mut file, len) = check_regular(path, limits)?;
    let y4m = Y4mHeader::read(&mut file).map_err(io_kind)?;
    if let Some(header) = &y4m {
        let (width, height) = header.size.ok_or_else(y4m_without_size)?;
        limits.check_size(width, height)?;
    }
    match find_fault(&mut file, len).map_err(io_kind)? {
        Some(Fault::Cut(reason)) => Err(VideoErrorKind::Truncated { reason }),
        Some(Fault::Damage(reason)) => Err(VideoErrorKind::Damaged { reason }),
        None => file.rewind().map(|()| (file, y4m)).map_err(io_kind),
    }
}

/// libav's own message for this is "Device or resource busy".
fn y4m_without_size() -> VideoErrorKind {
    VideoErrorKind::NotVideo(LibavError::new("the Y4M header has no size"))
}

/// Opens a regular file that is not empty; returns it with its length.
pub(crate) fn check_regular(path: &Path, limits: &Limits) -> Result<(File, u64), VideoErrorKind> {
    let metadata = fs::metadata(path).map_err(io_kind)?;
    if metadata.is_dir() {
        return Err(VideoErrorKind::Directory);
    }
    if !metadata.is_file() {
        return Err(VideoErrorKind::NotRegularFile);
    }
    if metadata.len() == 0 {
        return Err(VideoErrorKind::Empty);
    }
    limits.check_file_bytes(metadata.len())?;
    Ok((File::open(path).map_err(io_kind)?, metadata.len()))
}

pub(crate) fn io_kind(error: io::Error) -> VideoErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => VideoErrorKind::Missing,
        _ if error.raw_os_error() == Some(ELOOP) => VideoErrorKind::SymlinkLoop,
        _ => VideoErrorKind::Io(error),
    }
}

/// libav reads through our file handle and never sees the path. So a file name of any bytes opens, and none is taken as
/// a request ("concat:a|b", "http:x").
fn open_input(file: File, containers: Containers, budget: &TimeBudget) -> Result<Input, VideoErrorKind> {
    /// Bytes read at once.
    const READ_BYTES: usize = 1 << 16;
    libav::init().map_err(VideoErrorKind::LibavMissing)?;
    let mut options = Dictionary::new();
    options.set("protocol_whitelist", "file");
    options.set("format_whitelist", containers.names());
    let budget = budget.clone();
    let io = StreamIo::from_read_seek_with_capacity(file, READ_BYTES);
    io.and_then(|io| {
        format::input_from_stream_with_interrupt(io, None, Some(options), move || budget.check().is_err())
    })
    .map_err(|error| VideoErrorKind::NotVideo(error.into()))
}

fn video_stream(input: &Input) -> Result<Stream<'_>, VideoErrorKind> {
    let best = input.streams().best(media::Type::Video);
    // A song's cover picture is stored as a video stream of one frame.
    best.filter(|stream| !stream.disposition().contains(Disposition::ATTACHED_PIC))
        .ok_or_else(|| VideoErrorKind::NoVideoStream { container: input.format().name().to_owned() })
}

fn open_decoder(stream: &Stream<'_>, limits: &Limits) -> Result<decoder::Video, VideoErrorKind> {
    let parameters = stream.parameters();
    let id = parameters.id();
    let missing = || VideoErrorKind::UnsupportedCodec { codec: id.name().to_owned() };
    let codec = decoder::find(id).ok_or_else(missing)?;
    let context = codec::context::Context::from_parameters(parameters).map_err(decoder_refused)?;
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    decoder.check(Check::EXPLODE | Check::CRC);
    let opened = decoder.open_as_with(codec, decoder_options(limits)).and_then(decoder::Opened::video);
    opened.map_err(decoder_refused)
}

fn decoder_refused(error: Error) -> VideoErrorKind {
    match error {
        Error::InvalidData => VideoErrorKind::Corrupt { frames_decoded: 0, source: error.into() },
        _ => VideoErrorKind::Libav { step: "open the decoder", source: error.into() },
    }
}

fn decoder_options(limits: &Limits) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    // With several threads, for frames or for slices, a decoder hands out frames before it knows that it had to conceal
    // an error in them, and what it conceals depends on which thread was faster. FFmpeg 5.1's MPEG-4 decoder even ends
    // the process with a failed assertion.
    options.set("threads", "1");
    // A damaged frame must come out marked, or it would be dropped and the clip would only be shorter.
    options.set("flags", "+output_corrupt");
    options.set("max_pixels", &max_coded_pixels(limits).to_string());
    options
}

/// Pixels the decoder may allocate for: codecs round both sides up to whole blocks, 128 pixels at most.
fn max_coded_pixels(limits: &Limits) -> u64 {
    let coded = |side: u32| u64::from(side).next_multiple_of(128);
    coded(limits.max_width).saturating_mul(coded(limits.max_height)).min(i32::MAX as u64)
}

fn stream_facts(input: &Input, stream: &Stream<'_>, decoder: &decoder::Video, turn: Turn) -> Probe {
    let format = decoder.format();
    let (width, height) = turn.size((decoder.width(), decoder.height()));
    Probe {
        container: input.format().name().to_owned(),
        codec: decoder.id().name().to_owned(),
        width,
        height,
        pixel_format: pixel_format_name(format),
        fps: probe::stream_fps(stream),
        fps_assumed: false,
        frame_count: recorded_frames(stream),
        duration_secs: probe::duration_secs(input, stream),
        rotation_degrees: turn.degrees(),
        colour: colour(libav::decoder_colour_tags(decoder), format, decoder.height()),
    }
}

fn recorded_frames(stream: &Stream<'_>) -> FrameCount {
    let recorded = u64::try_from(stream.frames()).ok().filter(|&frames| frames > 0);
    FrameCount { frames: recorded.unwrap_or(0), source: FrameCountSource::Container, recorded }
}

fn check_claims(probe: &Probe, limits: &Limits) -> Result<(), VideoErrorKind> {
    limits.check_size(probe.width, probe.height)?;
    limits.check_frames(probe.frame_count.frames)?;
    limits.check_duration_secs(probe.duration_secs.unwrap_or(0.0))
}

fn pixel_format_name(format: format::Pixel) -> String {
    format.descriptor().map_or("unknown", |descriptor| descriptor.name()).to_owned()
}

fn colour(tags: ColourTags, format: format::Pixel, height: u32) -> Colour {
    Colour::from_tags(tags, libav::sample_kind(format).unwrap_or(SampleKind::Yuv), height)
}
