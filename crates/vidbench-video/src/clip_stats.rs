//! Facts about a decoded clip that tell a broken generation from a video: black, frozen, repeated.
//!
//! Pure functions of the frames. Whether a fact makes a sample invalid is for the caller to say.

use vidbench_core::FramesU8;

/// A pixel is black when its luma is at most this, in [0, 1]. FFmpeg `blackdetect`, default of `pixel_black_th`.
pub const BLACK_LUMA_MAX: f64 = 0.10;

/// A frame is black when at least this share of its pixels is. FFmpeg `blackdetect`, default of
/// `picture_black_ratio_th`.
pub const BLACK_FRAME_SHARE: f64 = 0.98;

/// Luma weights of ITU-R BT.709-6, item 3.2, times 10,000, applied to the gamma-coded R'G'B' bytes.
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
    /// All frames are the same. Takes two frames at least: one frame shows no absence of motion.
    pub frozen: bool,
    /// Mean BT.709 luma of all pixels, gamma-coded, [0, 1]; absent for a clip without frames or pixels.
    pub mean_luma: Option<f64>,
}

/// Counts what [`ClipStats`] holds, one frame at a time. Exact integer sums; keeps a copy of one frame.
#[derive(Debug, Clone, Default)]
pub struct ClipStatsMeter {
    frame_count: usize,
    black_frames: usize,
    duplicate_frames: usize,
    /// Pixels of all frames.
    pixels: u64,
    luma_sum: u128,
    before: Vec<u8>,
}

impl ClipStatsMeter {
    /// No frame yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame, `[H, W, 3]`, sRGB, full range.
    pub fn push(&mut self, rgb: &[u8]) {
        let (luma, pixels) = (frame_luma(rgb), (rgb.len() / FramesU8::CHANNELS) as u64);
        self.black_frames += usize::from(is_black(&luma, pixels));
        self.luma_sum += u128::from(luma.luma_sum);
        self.pixels += pixels;
        // The comparison ends at the first block that differs, which in a moving picture is one of the first.
        if self.frame_count > 0 && self.before == rgb {
            self.duplicate_frames += 1;
        } else {
            self.before.clear();
            self.before.extend_from_slice(rgb);
        }
        self.frame_count += 1;
    }

    /// The facts about the frames so far.
    pub fn finish(&self) -> ClipStats {
        let Self { frame_count, black_frames, duplicate_frames, pixels, luma_sum, .. } = *self;
        let measurable = pixels > 0;
        ClipStats {
            frame_count,
            black_frames,
            black_share: measurable.then(|| black_frames as f64 / frame_count as f64),
            duplicate_frames,
            frozen: measurable && frame_count > 1 && duplicate_frames == frame_count - 1,
            mean_luma: measurable.then(|| luma_sum as f64 / (LUMA_MAX as f64 * pixels as f64)),
        }
    }
}

/// [`ClipStats`] of a whole clip.
pub fn clip_stats(frames: &FramesU8) -> ClipStats {
    let mut meter = ClipStatsMeter::new();
    // A clip without pixels still has its number of frames.
    (0..frames.count()).for_each(|index| meter.push(frames.frame(index)));
    meter.finish()
}

struct FrameLuma {
    luma_sum: u64,
    black_pixels: u64,
}

/// In blocks whose sums fit 32 bits, which the compiler turns into vector instructions.
fn frame_luma(frame: &[u8]) -> FrameLuma {
    /// 2,550,000 at most for a pixel, so that 1,024 stay below 2^32.
    const BLOCK_PIXELS: usize = 1024;
    let mut total = FrameLuma { luma_sum: 0, black_pixels: 0 };
    for block in frame.as_chunks::<{ FramesU8::CHANNELS }>().0.chunks(BLOCK_PIXELS) {
        let (mut sum, mut black) = (0_u32, 0_u32);
        for pixel in block {
            let luma = luma(pixel);
            sum += luma;
            black += u32::from(luma <= BLACK_LUMA);
        }
        total.luma_sum += u64::from(sum);
        total.black_pixels += u64::from(black);
    }
    total
}

fn luma(&[r, g, b]: &[u8; 3]) -> u32 {
    let [red, green, blue] = LUMA_WEIGHTS;
    u32::from(r) * red + u32::from(g) * green + u32::from(b) * blue
}

fn is_black(frame: &FrameLuma, pixels: u64) -> bool {
    frame.black_pixels as f64 >= BLACK_FRAME_SHARE * pixels as f64
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
        assert!((stats.mean_luma.unwrap() - 110.0 / 255.0).abs() < 1e-12);
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
        assert_eq!(clip_stats(&solid([0, 255, 0])).mean_luma, Some(0.7152));
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
    fn one_frame_is_not_frozen_and_no_frame_has_no_mean() {
        assert!(!clip_stats(&greys(&[90])).frozen);
        let none = clip_stats(&greys(&[]));
        assert_eq!((none.black_share, none.mean_luma, none.frozen), (None, None, false));
        let flat = clip_stats(&FramesU8::new(3, 0, 10, Vec::new()).unwrap());
        assert_eq!((flat.black_share, flat.mean_luma, flat.frozen), (None, None, false));
    }

    #[test]
    fn frames_pushed_one_at_a_time_give_the_facts_of_the_clip() {
        let data: Vec<u8> = (0..5 * 40 * 70 * 3_u32).map(|at| (at * 7 % 251) as u8).collect();
        let frames = FramesU8::new(5, 40, 70, data).unwrap();
        let mut meter = ClipStatsMeter::new();
        frames.iter().for_each(|frame| meter.push(frame));
        assert_eq!(meter.finish(), clip_stats(&frames));
        let sum: u64 = frames.as_bytes().chunks(3).map(|p| u64::from(luma(&[p[0], p[1], p[2]]))).sum();
        let mean = sum as f64 / (f64::from(LUMA_MAX) * 5.0 * 40.0 * 70.0);
        assert_eq!(meter.finish().mean_luma, Some(mean));
    }

    #[test]
    fn one_changed_byte_is_no_duplicate() {
        let mut data = vec![50; 600];
        data[599] = 51;
        let stats = clip_stats(&FramesU8::new(2, 10, 10, data).unwrap());
        assert_eq!(stats.duplicate_frames, 0);
    }
}
