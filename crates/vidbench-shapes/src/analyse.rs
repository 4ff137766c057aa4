//! Reads the attributes back from a clip, without learning: medians, centroids and template overlap.
//!
//! An attribute that cannot be decided is `None` and counts as wrong: a blank or noisy clip satisfies no prompt.

use serde::{Deserialize, Serialize};
use vidbench_core::FramesU8;

use crate::grammar::{Attributes, Background, Color, Motion, Shape, Size, Vocabulary as _};

/// Width of the ring at the edge of each frame that is taken for background, in pixels.
const BORDER: usize = 1;
/// Largest RGB distance at which a colour still counts as the palette's.
const PALETTE_TOLERANCE: f32 = 70.0;
/// Largest RGB distance to the median at which a border pixel counts as plain.
const PLAIN_TOLERANCE: f32 = 40.0;
/// Least share of plain pixels in the border.
const PLAIN_SHARE: f32 = 0.8;
/// Least RGB distance between shape and background; the palette's nearest pair lies at 176.
const MIN_CONTRAST: f32 = 80.0;
/// Pixels of a shape, least and most per frame, that are plausible in this domain.
const AREA_RANGE: (f32, f32) = (80.0, 900.0);
/// Equal-area radius that separates small from large, in pixels: midway between the renderer's ranges.
const SIZE_SPLIT: f32 = 10.5;
/// Largest relative departure of one frame's area from the median.
const AREA_TOLERANCE: f32 = 0.4;
/// Least speed of a motion, in pixels per frame.
const MIN_SPEED: f32 = 0.8;
/// Largest sideways speed as a share of the speed.
const MAX_DRIFT: f32 = 0.35;
/// Largest root-mean-square distance of the centroids from a straight path, in pixels.
const MAX_WOBBLE: f32 = 1.5;
/// Least overlap (intersection over union) with the best template.
const MIN_OVERLAP: f32 = 0.8;

/// What a clip shows; `None` where it cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Analysis {
    /// Size of the shape.
    pub size: Option<Size>,
    /// Colour of the shape.
    pub color: Option<Color>,
    /// Outline of the shape.
    pub shape: Option<Shape>,
    /// Direction of its path.
    pub motion: Option<Motion>,
    /// Colour behind it.
    pub background: Option<Background>,
}

impl Analysis {
    /// Compares the attributes with those that were asked for.
    pub fn adherence(&self, asked: &Attributes) -> Adherence {
        Adherence {
            size: self.size == Some(asked.size),
            color: self.color == Some(asked.color),
            shape: self.shape == Some(asked.shape),
            motion: self.motion == Some(asked.motion),
            background: self.background == Some(asked.background),
        }
    }
}

/// Whether a clip shows each attribute it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adherence {
    /// The size is as asked.
    pub size: bool,
    /// The colour is as asked.
    pub color: bool,
    /// The outline is as asked.
    pub shape: bool,
    /// The direction is as asked.
    pub motion: bool,
    /// The background is as asked.
    pub background: bool,
}

impl Adherence {
    /// The verdicts in the order of [`Attributes::NAMES`].
    pub fn as_array(&self) -> [bool; 5] {
        [self.size, self.color, self.shape, self.motion, self.background]
    }

    /// Share of attributes that are as asked, in [0, 1].
    pub fn mean(&self) -> f64 {
        self.as_array().iter().filter(|correct| **correct).count() as f64 / 5.0
    }
}

/// Measures the attributes of a clip of any length and size; the scale of sizes and speeds is that of 64x64 pixels.
pub fn analyse(frames: &FramesU8) -> Analysis {
    let Some(background_rgb) = plain_border(frames) else {
        return Analysis::default();
    };
    let background = nearest(Background::ALL, background_rgb, |b| b.rgb());
    let blank = Analysis { background, ..Analysis::default() };
    let Some(foreground_rgb) = core_color(frames, background_rgb) else {
        return blank;
    };
    let masks = coverage_masks(frames, background_rgb, foreground_rgb);
    let Some(area) = steady_area(&masks) else {
        return blank;
    };
    Analysis {
        size: size_of(area),
        color: nearest(Color::ALL, foreground_rgb, |c| c.rgb()),
        shape: shape_of(&masks, area),
        motion: motion_of(&masks),
        background,
    }
}

/// Median colour of the border, if most of the border has it.
fn plain_border(frames: &FramesU8) -> Option<[f32; 3]> {
    let (height, width) = (frames.height(), frames.width());
    let is_border = |index: usize| {
        let (y, x) = (index / width, index % width);
        y.min(height - 1 - y) < BORDER || x.min(width - 1 - x) < BORDER
    };
    let border: Vec<[f32; 3]> = frames
        .iter()
        .flat_map(|frame| pixels(frame).enumerate().filter(|(i, _)| is_border(*i)).map(|(_, p)| p))
        .collect();
    let median = [0, 1, 2].map(|c| median(border.iter().map(|p| p[c]).collect()));
    let [Some(r), Some(g), Some(b)] = median else {
        return None;
    };
    let plain = border.iter().filter(|p| distance(**p, [r, g, b]) < PLAIN_TOLERANCE).count();
    (plain as f32 >= PLAIN_SHARE * border.len() as f32).then_some([r, g, b])
}

/// Median colour of the pixels that stand out most from the background.
fn core_color(frames: &FramesU8, background: [f32; 3]) -> Option<[f32; 3]> {
    let mut contrasts: Vec<f32> = frames.iter().flat_map(pixels).map(|p| distance(p, background)).collect();
    // The smallest shape covers 4 % of a frame, so the top 1 % lies inside any shape.
    let rank = contrasts.len() * 99 / 100;
    let reference = *contrasts.select_nth_unstable_by(rank, f32::total_cmp).1;
    if reference < MIN_CONTRAST {
        return None;
    }
    let core: Vec<[f32; 3]> =
        frames.iter().flat_map(pixels).filter(|p| distance(*p, background) > 0.8 * reference).collect();
    let median = [0, 1, 2].map(|c| median(core.iter().map(|p| p[c]).collect()));
    let [Some(r), Some(g), Some(b)] = median else {
        return None;
    };
    Some([r, g, b])
}

/// How much of each pixel the shape covers, in one frame.
struct Mask {
    width: usize,
    coverage: Vec<f32>, // [H, W], in [0, 1]
    area: f32,
    centroid: (f32, f32), // x, y; meaningless if the area is zero
}

impl Mask {
    fn new(width: usize, coverage: Vec<f32>) -> Self {
        let (mut area, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for (index, c) in coverage.iter().enumerate() {
            area += c;
            sum_x += c * ((index % width) as f32 + 0.5);
            sum_y += c * ((index / width) as f32 + 0.5);
        }
        let total = area.max(f32::MIN_POSITIVE);
        Self { width, coverage, area, centroid: (sum_x / total, sum_y / total) }
    }

    /// Intersection over union with a template of the same area at the same place.
    fn overlap(&self, shape: Shape, radius: f32) -> f32 {
        let (mut intersection, mut union) = (0.0_f32, 0.0_f32);
        for (index, c) in self.coverage.iter().enumerate() {
            let x = (index % self.width) as f32 + 0.5 - self.centroid.0;
            let y = (index / self.width) as f32 + 0.5 - self.centroid.1;
            let template = (0.5 - shape.signed_distance(x, y, radius)).clamp(0.0, 1.0);
            intersection += c.min(template);
            union += c.max(template);
        }
        intersection / union.max(f32::MIN_POSITIVE)
    }
}

/// One mask per frame: the position of each pixel on the line from background to foreground colour.
fn coverage_masks(frames: &FramesU8, background: [f32; 3], foreground: [f32; 3]) -> Vec<Mask> {
    let axis: [f32; 3] = std::array::from_fn(|c| foreground[c] - background[c]);
    let length_squared = dot(axis, axis);
    let coverage = |pixel: [f32; 3]| {
        let offset: [f32; 3] = std::array::from_fn(|c| pixel[c] - background[c]);
        let along = (dot(offset, axis) / length_squared).clamp(0.0, 1.0);
        // Below this lies noise of the background, which would pull the centroid towards the middle.
        if along < 0.25 { 0.0 } else { along }
    };
    frames.iter().map(|frame| Mask::new(frames.width(), pixels(frame).map(coverage).collect())).collect()
}

/// Median area, if it is plausible and every frame but one in eight keeps to it.
fn steady_area(masks: &[Mask]) -> Option<f32> {
    let area = median(masks.iter().map(|m| m.area).collect())?;
    let steady = masks.iter().filter(|m| (m.area / area - 1.0).abs() < AREA_TOLERANCE).count();
    let plausible = (AREA_RANGE.0..=AREA_RANGE.1).contains(&area);
    (plausible && steady * 8 >= masks.len() * 7).then_some(area)
}

fn size_of(area: f32) -> Option<Size> {
    let radius = (area / std::f32::consts::PI).sqrt();
    Some(if radius < SIZE_SPLIT { Size::Small } else { Size::Large })
}

fn shape_of(masks: &[Mask], area: f32) -> Option<Shape> {
    let radius = (area / std::f32::consts::PI).sqrt();
    let mean_overlap =
        |shape: Shape| masks.iter().map(|m| m.overlap(shape, radius)).sum::<f32>() / masks.len() as f32;
    Shape::ALL
        .iter()
        .map(|shape| (mean_overlap(*shape), *shape))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(overlap, _)| *overlap >= MIN_OVERLAP)
        .map(|(_, shape)| shape)
}

/// Direction of the least-squares line through the centroids, if they keep to one.
fn motion_of(masks: &[Mask]) -> Option<Motion> {
    let (vx, wobble_x) = line_fit(masks.iter().map(|m| m.centroid.0))?;
    let (vy, wobble_y) = line_fit(masks.iter().map(|m| m.centroid.1))?;
    let speed = vx.abs().max(vy.abs());
    let drift = vx.abs().min(vy.abs());
    if speed < MIN_SPEED || drift > MAX_DRIFT * speed || wobble_x.hypot(wobble_y) > MAX_WOBBLE {
        return None;
    }
    Some(match (vx.abs() > vy.abs(), vx > 0.0, vy > 0.0) {
        (true, true, _) => Motion::Right,
        (true, false, _) => Motion::Left,
        (false, _, true) => Motion::Down,
        (false, _, false) => Motion::Up,
    })
}

/// Slope per step and root-mean-square residual of a line through equally spaced values.
fn line_fit(values: impl ExactSizeIterator<Item = f32> + Clone) -> Option<(f32, f32)> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let middle = (n - 1) as f32 / 2.0;
    let mean = values.clone().sum::<f32>() / n as f32;
    let times = || (0..n).map(|t| t as f32 - middle);
    let slope = times().zip(values.clone()).map(|(t, v)| t * (v - mean)).sum::<f32>()
        / times().map(|t| t * t).sum::<f32>();
    let residual = times().zip(values).map(|(t, v)| (v - mean - slope * t).powi(2)).sum::<f32>() / n as f32;
    Some((slope, residual.sqrt()))
}

/// The palette entry nearest to a colour, if one is near enough.
fn nearest<V: Copy>(palette: &[V], color: [f32; 3], rgb: impl Fn(V) -> [u8; 3]) -> Option<V> {
    palette
        .iter()
        .map(|value| (distance(color, rgb(*value).map(f32::from)), *value))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(distance, _)| *distance < PALETTE_TOLERANCE)
        .map(|(_, value)| value)
}

fn pixels(frame: &[u8]) -> impl Iterator<Item = [f32; 3]> {
    frame.chunks_exact(FramesU8::CHANNELS).map(|p| [p[0], p[1], p[2]].map(f32::from))
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    let offset: [f32; 3] = std::array::from_fn(|c| a[c] - b[c]);
    dot(offset, offset).sqrt()
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{RngCore as _, SeedableRng as _};

    use super::*;
    use crate::render::{FRAME_COUNT, FRAME_SIZE, render};

    /// Every combination with four seeds: 2,304 clips.
    fn clips() -> impl Iterator<Item = (Attributes, FramesU8)> {
        let combinations = (0..4).flat_map(|_| Attributes::all());
        (0..).zip(combinations).map(|(seed, a)| (a, render(&a, seed)))
    }

    fn assert_all_correct(damage: impl Fn(FramesU8) -> FramesU8) {
        for (attributes, clip) in clips() {
            let analysis = analyse(&damage(clip));
            assert_eq!(analysis.adherence(&attributes).mean(), 1.0, "{attributes:?}: {analysis:?}");
        }
    }

    fn clip_of(data: Vec<u8>) -> FramesU8 {
        FramesU8::new(FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, data).unwrap()
    }

    /// Adds uniform noise of at most `amplitude` grey levels.
    fn noisy(clip: &FramesU8, amplitude: u32) -> FramesU8 {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut noise = || (rng.next_u32() % (2 * amplitude + 1)) as i32 - amplitude as i32;
        clip_of(clip.as_bytes().iter().map(|b| (i32::from(*b) + noise()).clamp(0, 255) as u8).collect())
    }

    /// Averages each pixel with its eight neighbours, as a strong codec smooths edges.
    fn blurred(clip: &FramesU8) -> FramesU8 {
        let last = FRAME_SIZE - 1;
        let mut data = Vec::new();
        for t in 0..clip.count() {
            for (y, x) in (0..FRAME_SIZE).flat_map(|y| (0..FRAME_SIZE).map(move |x| (y, x))) {
                let mut sum = [0_u32; 3];
                for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
                    let (y, x) = ((y + dy).clamp(1, last + 1) - 1, (x + dx).clamp(1, last + 1) - 1);
                    let pixel = clip.pixel(t, y, x);
                    sum.iter_mut().zip(pixel).for_each(|(s, p)| *s += u32::from(p));
                }
                data.extend(sum.map(|s| (s / 9) as u8));
            }
        }
        clip_of(data)
    }

    #[test]
    fn every_attribute_of_every_real_clip_is_read_back() {
        assert_all_correct(|clip| clip);
    }

    #[test]
    fn noise_does_not_change_the_reading() {
        assert_all_correct(|clip| noisy(&clip, 12));
    }

    #[test]
    fn blur_does_not_change_the_reading() {
        assert_all_correct(|clip| blurred(&clip));
    }

    #[test]
    fn noise_alone_shows_nothing() {
        let grey = clip_of(vec![128; FRAME_COUNT * FRAME_SIZE * FRAME_SIZE * 3]);
        assert_eq!(analyse(&noisy(&grey, 128)), Analysis::default());
    }

    #[test]
    fn blank_clip_shows_its_background_alone() {
        let blank = clip_of(Background::Brown.rgb().repeat(FRAME_COUNT * FRAME_SIZE * FRAME_SIZE));
        let expected = Analysis { background: Some(Background::Brown), ..Analysis::default() };
        assert_eq!(analyse(&blank), expected);
    }

    #[test]
    fn still_shape_has_no_motion() {
        let (attributes, clip) = clips().next().unwrap();
        let still = clip_of(clip.frame(0).repeat(FRAME_COUNT));
        let expected = Adherence { motion: false, ..analyse(&clip).adherence(&attributes) };
        assert_eq!(analyse(&still).motion, None);
        assert_eq!(analyse(&still).adherence(&attributes), expected);
    }

    #[test]
    fn shuffled_frames_have_no_motion() {
        let (_, clip) = clips().nth(5).unwrap();
        let order = (0..FRAME_COUNT).map(|t| t * 7 % FRAME_COUNT);
        let shuffled = clip_of(order.flat_map(|t| clip.frame(t).to_vec()).collect());
        assert_eq!(analyse(&shuffled).motion, None);
    }

    #[test]
    fn clip_without_frames_or_pixels_shows_nothing() {
        for (count, side) in [(0, 64), (3, 0)] {
            let empty = FramesU8::new(count, side, side, Vec::new()).unwrap();
            assert_eq!(analyse(&empty), Analysis::default());
        }
    }

    #[test]
    fn one_frame_has_no_motion() {
        let (_, clip) = clips().next().unwrap();
        let single = FramesU8::new(1, FRAME_SIZE, FRAME_SIZE, clip.frame(0).to_vec()).unwrap();
        let analysis = analyse(&single);
        assert_eq!((analysis.motion, analysis.shape.is_some()), (None, true));
    }
}
