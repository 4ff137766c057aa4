//! Facts about a decoded clip that tell a broken generation from a video: black, frozen, repeated.
//!
//! Pure functions of the frames. Whether a fact makes a sample invalid is for the caller to say.

use vidbench_core::{DecodedFrame, FramesU8, Plane, Planes};

/// A pixel is black when its luma is at most this, in [0, 1]. FFmpeg `blackdetect`, default of `pixel_black_th`.
pub const BLACK_LUMA_MAX: f64 = 0.10;

/// A frame is black when at least this share of its pixels is. FFmpeg `blackdetect`, default of
/// `picture_black_ratio_th`.
pub const BLACK_FRAME_SHARE: f64 = 0.98;

/// Luma weights for samples that were stored as RGB: those of ITU-R BT.709-6, item 3.2, times 10,000, applied to the
/// gamma-coded R'G'B' bytes.
const LUMA_WEIGHTS: [u32; 3] = [2126, 7152, 722];

/// Luma of white in the integer scale of [`luma`].
const LUMA_MAX: u32 = 255 * 10_000;

/// [`BLACK_LUMA_MAX`] in the integer scale of [`luma`]; integers keep the edge exact.
const BLACK_LUMA: u32 = LUMA_MAX / 10;

/// Facts about one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipStats {
    /// Frames in the clip.
    pub frame_count: usize,
    /// Frames that are black: at least [`BLACK_FRAME_SHARE`] of the pixels have a luma of at most [`BLACK_LUMA_MAX`].
    pub black_frames: usize,
    /// `black_frames / frame_count`, [0, 1]; absent for a clip without frames or pixels.
    pub black_share: Option<f64>,
    /// Frames whose bytes equal those of the frame before, [0, frame_count - 1].
    pub duplicate_frames: usize,
    /// All frames are the same. Needs at least two frames, because one frame cannot show that motion is absent.
    pub frozen: bool,
}

/// Counts what [`ClipStats`] holds, one frame at a time. Looks at the stored samples of a frame that has them, so that
/// the frame need not be converted to RGB for this; keeps a copy of one frame.
#[derive(Debug, Clone, Default)]
pub struct ClipStatsMeter {
    frame_count: usize,
    black_frames: usize,
    duplicate_frames: usize,
    /// At least one frame had pixels.
    measurable: bool,
    before: Vec<u8>,
}

impl ClipStatsMeter {
    /// No frame yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &DecodedFrame<'_>) {
        self.measurable |= frame.width * frame.height > 0;
        self.black_frames += usize::from(is_black(frame));
        // The comparison ends at the first row that differs, which in a moving picture is one of the first.
        if self.frame_count > 0 && consists_of(&self.before, stored_rows(frame)) {
            self.duplicate_frames += 1;
        } else {
            self.before.clear();
            stored_rows(frame).for_each(|row| self.before.extend_from_slice(row));
        }
        self.frame_count += 1;
    }

    /// The facts about the frames so far.
    pub fn finish(&self) -> ClipStats {
        let Self { frame_count, black_frames, duplicate_frames, measurable, .. } = *self;
        ClipStats {
            frame_count,
            black_frames,
            black_share: measurable.then(|| black_frames as f64 / frame_count as f64),
            duplicate_frames,
            frozen: measurable && frame_count > 1 && duplicate_frames == frame_count - 1,
        }
    }
}

/// [`ClipStats`] of a whole clip.
pub fn clip_stats(frames: &FramesU8) -> ClipStats {
    let (width, height) = (frames.width(), frames.height());
    let mut meter = ClipStatsMeter::new();
    // A clip without pixels still has its number of frames.
    for index in 0..frames.count() {
        let (rgb, timestamp_secs) = (frames.frame(index), index as f64);
        meter.push(&DecodedFrame { index, timestamp_secs, width, height, rgb, planes: None });
    }
    meter.finish()
}

/// The rows of every plane without their padding, or all of RGB where there are no planes.
fn stored_rows<'a>(frame: &DecodedFrame<'a>) -> impl Iterator<Item = &'a [u8]> {
    let rgb = frame.planes.is_none().then_some(frame.rgb);
    let planes = frame.planes.into_iter().flat_map(|planes| {
        let plane_rows = move |plane| plane_rows(plane, planes.bit_depth);
        std::iter::once(planes.luma).chain(planes.chroma.into_iter().flatten()).flat_map(plane_rows)
    });
    planes.chain(rgb)
}

fn plane_rows(plane: Plane<'_>, bit_depth: u8) -> impl Iterator<Item = &[u8]> {
    let len = plane.width * if bit_depth > 8 { 2 } else { 1 };
    let rows = plane.bytes.chunks(plane.stride.max(1)).take(plane.height);
    rows.map(move |row| row.get(..len).unwrap_or(row))
}

fn consists_of<'a>(whole: &[u8], mut rows: impl Iterator<Item = &'a [u8]>) -> bool {
    let rest = rows.try_fold(whole, |rest, row| rest.strip_prefix(row));
    rest.is_some_and(<[u8]>::is_empty)
}

/// Stops as soon as too many pixels are bright, which happens early in an ordinary picture.
fn is_black(frame: &DecodedFrame<'_>) -> bool {
    let pixels = frame.width * frame.height;
    let mut black = pixels;
    let mut still_black = |bright: usize| {
        black -= bright;
        black as f64 >= BLACK_FRAME_SHARE * pixels as f64
    };
    let Some(planes) = &frame.planes else {
        let pixels = frame.rgb.as_chunks::<{ FramesU8::CHANNELS }>().0;
        let bright = |row: &[[u8; 3]]| row.iter().filter(|pixel| luma(pixel) > BLACK_LUMA).count();
        return pixels.chunks(frame.width.max(1)).all(|row| still_black(bright(row)));
    };
    let limit = black_sample_max(planes);
    plane_rows(planes.luma, planes.bit_depth).all(|row| {
        still_black(if planes.bit_depth == 8 {
            row.iter().filter(|sample| f64::from(**sample) > limit).count()
        } else {
            let samples = row.as_chunks().0.iter().map(|sample| u16::from_le_bytes(*sample));
            samples.filter(|sample| f64::from(*sample) > limit).count()
        })
    })
}

/// [`BLACK_LUMA_MAX`] in stored samples, by the rule of FFmpeg's `blackdetect`.
fn black_sample_max(planes: &Planes<'_>) -> f64 {
    let white = |white_of_8_bit: u32| f64::from(white_of_8_bit << (planes.bit_depth - 8));
    match planes.full_range {
        true => BLACK_LUMA_MAX * f64::from((1_u32 << planes.bit_depth) - 1),
        // ITU-R BT.709-6, item 4.6: black is 16, white 235, at 8 bit.
        false => white(16) + BLACK_LUMA_MAX * white(235 - 16),
    }
}

fn luma(&[r, g, b]: &[u8; 3]) -> u32 {
    let [red, green, blue] = LUMA_WEIGHTS;
    u32::from(r) * red + u32::from(g) * green + u32::from(b) * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clip of 10x10 frames, each of one grey value.
    fn greys(values: &[u8]) -> FramesU8 {
        let data = values.iter().flat_map(|&value| [value; 300]).collect();
        FramesU8::new(values.len(), 10, 10, data).unwrap()
    }

    #[test]
    fn moving_grey_is_neither_black_nor_frozen() {
        let stats = clip_stats(&greys(&[100, 110, 120]));
        assert_eq!((stats.frame_count, stats.black_frames, stats.duplicate_frames), (3, 0, 0));
        assert!(!stats.frozen);
    }

    #[test]
    fn black_ends_at_a_tenth_of_white() {
        let stats = clip_stats(&greys(&[0, 25, 26, 255]));
        assert_eq!(stats.black_frames, 2);
        assert_eq!(stats.black_share, Some(0.5));
    }

    #[test]
    fn a_frame_may_have_two_in_a_hundred_bright_pixels_and_still_be_black() {
        let mut data = vec![0; 300];
        data[..6].fill(255);
        assert_eq!(clip_stats(&FramesU8::new(1, 10, 10, data.clone()).unwrap()).black_frames, 1);
        data[..9].fill(255);
        assert_eq!(clip_stats(&FramesU8::new(1, 10, 10, data).unwrap()).black_frames, 0);
    }

    #[test]
    fn a_saturated_blue_is_dark_but_green_is_not() {
        let solid = |rgb: [u8; 3]| FramesU8::new(1, 10, 10, rgb.repeat(100)).unwrap();
        assert_eq!(clip_stats(&solid([0, 0, 255])).black_frames, 1);
        assert_eq!(clip_stats(&solid([0, 255, 0])).black_frames, 0);
    }

    #[test]
    fn duplicates_are_counted_against_the_frame_before() {
        let stats = clip_stats(&greys(&[1, 1, 2, 1, 1]));
        assert_eq!(stats.duplicate_frames, 2);
        assert!(!stats.frozen);
    }

    #[test]
    fn a_clip_of_equal_frames_is_frozen() {
        let stats = clip_stats(&greys(&[90; 4]));
        assert_eq!(stats.duplicate_frames, 3);
        assert!(stats.frozen);
    }

    #[test]
    fn one_frame_is_not_frozen_and_no_frame_has_no_share() {
        assert!(!clip_stats(&greys(&[90])).frozen);
        let none = clip_stats(&greys(&[]));
        assert_eq!((none.black_share, none.frozen), (None, false));
        let flat = clip_stats(&FramesU8::new(3, 0, 10, Vec::new()).unwrap());
        assert_eq!((flat.black_share, flat.frozen), (None, false));
    }

    #[test]
    fn one_changed_byte_is_no_duplicate() {
        let mut data = vec![50; 600];
        data[599] = 51;
        let stats = clip_stats(&FramesU8::new(2, 10, 10, data).unwrap());
        assert_eq!(stats.duplicate_frames, 0);
    }

    /// Facts of frames of 10x10 stored samples, each of one grey value, with a stride of 32 bytes whose padding differs.
    fn stored(values: &[u16], bit_depth: u8, full_range: bool) -> ClipStats {
        let mut meter = ClipStatsMeter::new();
        for (index, value) in values.iter().enumerate() {
            let row = |row: Vec<u8>| [&row[..], &vec![index as u8; 32 - row.len()]].concat();
            let sample = if bit_depth == 8 { vec![*value as u8] } else { value.to_le_bytes().to_vec() };
            let bytes = row(sample.repeat(10)).repeat(10);
            let luma = Plane { width: 10, height: 10, stride: 32, bytes: &bytes };
            let planes = Some(Planes { bit_depth, full_range, luma, chroma: None });
            meter.push(&DecodedFrame { index, timestamp_secs: 0.0, width: 10, height: 10, rgb: &[], planes });
        }
        meter.finish()
    }

    #[test]
    fn stored_samples_are_black_up_to_a_tenth_of_white_in_their_range() {
        assert_eq!(stored(&[0, 16, 37, 38], 8, false).black_frames, 3);
        assert_eq!(stored(&[0, 25, 26], 8, true).black_frames, 2);
        assert_eq!(stored(&[64, 151, 152], 10, false).black_frames, 2);
        assert_eq!(stored(&[102, 103], 10, true).black_frames, 1);
    }

    #[test]
    fn what_pads_a_row_makes_no_difference_and_a_change_of_chroma_does() {
        assert_eq!(stored(&[90, 90, 91], 8, false).duplicate_frames, 1);
        assert!(stored(&[512, 512], 10, false).frozen);
        let mut meter = ClipStatsMeter::new();
        for chroma in [[128; 25], [129; 25]] {
            let luma = Plane { width: 10, height: 10, stride: 10, bytes: &[90; 100] };
            let chroma = Plane { width: 5, height: 5, stride: 5, bytes: &chroma };
            let planes = Some(Planes { bit_depth: 8, full_range: false, luma, chroma: Some([chroma; 2]) });
            meter.push(&DecodedFrame {
                index: 0,
                timestamp_secs: 0.0,
                width: 10,
                height: 10,
                rgb: &[],
                planes,
            });
        }
        assert_eq!(meter.finish().duplicate_frames, 0);
    }
}
