//! A folder of images as a clip: one frame per file, in natural order of the names, all of one size.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use ffmpeg_next::frame;

use crate::budget::TimeBudget;
use crate::error::VideoErrorKind;
use crate::options::ReadOptions;
use crate::probe::{FrameCount, FrameCountSource, Probe};
use crate::reader::{Containers, VideoReader, io_kind};

/// Extensions of image files, in lower case, with the format that each stands for. Other files in the folder are
/// ignored.
const ENDINGS: [(&str, &str); 9] = [
    ("png", "png"),
    ("jpg", "jpeg"),
    ("jpeg", "jpeg"),
    ("webp", "webp"),
    ("bmp", "bmp"),
    ("tif", "tiff"),
    ("tiff", "tiff"),
    ("ppm", "pnm"),
    ("pgm", "pnm"),
];

#[derive(Debug)]
pub(crate) struct ImageFolder {
    options: ReadOptions,
    budget: TimeBudget,
    files: Vec<PathBuf>,
    next: usize,
    /// The image that was read last; before any read, the first one.
    image: VideoReader,
    probe: Probe,
}

impl ImageFolder {
    pub(crate) fn open(
        folder: &Path,
        options: &ReadOptions,
        budget: &TimeBudget,
    ) -> Result<Self, VideoErrorKind> {
        let (files, format) = image_files(folder, options)?;
        let first = files.first().ok_or(VideoErrorKind::Directory)?;
        let image = open_image(first, options, budget)?;
        let probe = folder_facts(image.probe(), format, files.len(), options);
        options.limits.check_duration_secs(probe.duration_secs.unwrap_or(0.0))?;
        Ok(Self { options: options.clone(), budget: budget.clone(), files, next: 0, image, probe })
    }

    /// One image alone, as a clip of one frame.
    pub(crate) fn of_one(
        path: &Path,
        options: &ReadOptions,
        budget: &TimeBudget,
    ) -> Result<Self, VideoErrorKind> {
        let bytes = image_bytes(path)?;
        options.limits.check_file_bytes(bytes)?;
        let image = open_image(path, options, budget)?;
        let format = image_format(path).unwrap_or("unnamed");
        let probe = folder_facts(image.probe(), format, 1, options);
        let files = vec![path.to_owned()];
        Ok(Self { options: options.clone(), budget: budget.clone(), files, next: 0, image, probe })
    }

    pub(crate) fn next_frame(&mut self) -> Result<Option<f64>, VideoErrorKind> {
        let Some(path) = self.files.get(self.next) else {
            self.probe.frame_count.source = FrameCountSource::Decoded;
            return Ok(None);
        };
        if self.next > 0 {
            self.image = open_image(path, &self.options, &self.budget)?;
        }
        let found = self.image.next_frame().map_err(|kind| of_image(path, kind))?;
        found.ok_or(VideoErrorKind::NoFrames).map_err(|kind| of_image(path, kind))?;
        self.check_size()?;
        let secs = self.next as f64 / self.options.image_fps.hz();
        self.next += 1;
        Ok(Some(secs))
    }

    pub(crate) fn frame(&self) -> &frame::Video {
        self.image.frame()
    }

    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    fn check_size(&mut self) -> Result<(), VideoErrorKind> {
        let Probe { width, height, pixel_format, colour, .. } = self.image.probe();
        if self.next == 0 {
            (self.probe.pixel_format, self.probe.colour) = (pixel_format.clone(), colour.clone());
        }
        let (first_width, first_height) = (self.probe.width, self.probe.height);
        if (*width, *height) == (first_width, first_height) {
            return Ok(());
        }
        let (frame, width, height) = (self.next as u64, *width, *height);
        Err(VideoErrorKind::SizeChanged { frame, width, height, first_width, first_height })
    }
}

fn folder_facts(image: &Probe, format: &str, count: usize, options: &ReadOptions) -> Probe {
    let frames = count as u64;
    Probe {
        container: format!("images,{format}"),
        fps: Some(options.image_fps),
        fps_assumed: true,
        frame_count: FrameCount { frames, source: FrameCountSource::Container, recorded: Some(frames) },
        duration_secs: Some(frames as f64 / options.image_fps.hz()),
        ..image.clone()
    }
}

fn open_image(
    path: &Path,
    options: &ReadOptions,
    budget: &TimeBudget,
) -> Result<VideoReader, VideoErrorKind> {
    VideoReader::open(path, &options.limits, Containers::Image, budget).map_err(|kind| of_image(path, kind))
}

/// Adds the image's name to an error, except to an exceeded limit, which is clear without it.
fn of_image(path: &Path, kind: VideoErrorKind) -> VideoErrorKind {
    match kind {
        VideoErrorKind::OverLimit { .. } => kind,
        kind => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            VideoErrorKind::Image { name, kind: Box::new(kind) }
        }
    }
}

/// The image files in order, and their common format.
fn image_files(folder: &Path, options: &ReadOptions) -> Result<(Vec<PathBuf>, &'static str), VideoErrorKind> {
    let (mut files, mut found, mut bytes) = (Vec::new(), None, 0_u64);
    for entry in fs::read_dir(folder).map_err(io_kind)? {
        let path = entry.map_err(io_kind)?.path();
        let Some(format) = image_format(&path) else { continue };
        let first = *found.get_or_insert(format);
        if first != format {
            let (a, b) = (first.min(format), first.max(format));
            return Err(VideoErrorKind::MixedImages { formats: [a, b] });
        }
        bytes = bytes.saturating_add(image_bytes(&path)?);
        options.limits.check_file_bytes(bytes)?;
        files.push(path);
        options.limits.check_frames(files.len() as u64)?;
    }
    files.sort_by(|a, b| natural_order(&name_bytes(a), &name_bytes(b)));
    Ok((files, found.ok_or(VideoErrorKind::Directory)?))
}

/// Follows links; fails for a link that leads nowhere.
fn image_bytes(path: &Path) -> Result<u64, VideoErrorKind> {
    let metadata = fs::metadata(path).map_err(|error| of_image(path, io_kind(error)))?;
    Ok(metadata.len())
}

/// `None` for hidden files: macOS leaves `._frame.png` beside `frame.png` on foreign disks.
fn image_format(path: &Path) -> Option<&'static str> {
    if name_bytes(path).starts_with(b".") {
        return None;
    }
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format)
}

fn name_bytes(path: &Path) -> Vec<u8> {
    path.file_name().unwrap_or_default().as_encoded_bytes().to_vec()
}

/// Compares runs of digits by their value and everything else byte by byte, so that `frame2` comes before `frame10`.
fn natural_order(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(first), Some(second)) = (left.first(), right.first()) {
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (x, y) = (take_number(&mut left), take_number(&mut right));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            first.cmp(second)
        };
        if order.is_ne() {
            return order;
        }
    }
    // Names that differ only in leading zeros need an order too.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Removes the digits at the front of `text` and returns them without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    let zeros = number.iter().take_while(|&&byte| byte == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LimitName;

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["f10.png", "f2.png", "f1.png", "f02.png", "a11b3.png", "a11b20.png", "f.png"];
        names.sort_by(|a, b| natural_order(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["a11b3.png", "a11b20.png", "f.png", "f1.png", "f02.png", "f2.png", "f10.png"]);
    }

    #[test]
    fn numbers_of_any_length_are_compared() {
        let (a, b) = (format!("{}1", "9".repeat(60)), format!("{}2", "9".repeat(60)));
        assert_eq!(natural_order(a.as_bytes(), b.as_bytes()), Ordering::Less);
        assert_eq!(natural_order(b"000", b"0"), Ordering::Greater);
        assert_eq!(natural_order(b"a", b"a"), Ordering::Equal);
    }

    #[test]
    fn only_images_that_show_are_frames() {
        assert_eq!(image_format(Path::new("x/a.PNG")), Some("png"));
        assert_eq!(image_format(Path::new("x/a.jpg")), image_format(Path::new("b.jpeg")));
        for other in ["x/._a.png", "x/.DS_Store", "x/meta.json", "x/png", "x/a.gif"] {
            assert_eq!(image_format(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_limit_is_not_hidden_behind_the_name_of_an_image() {
        let over = VideoErrorKind::OverLimit { limit: LimitName::Width, value: 2.0, max: 1.0 };
        assert!(matches!(of_image(Path::new("a/b.png"), over), VideoErrorKind::OverLimit { .. }));
        assert_eq!(
            of_image(Path::new("a/b.png"), VideoErrorKind::Empty).to_string(),
            "image b.png: file is empty (0 bytes)"
        );
    }
}
