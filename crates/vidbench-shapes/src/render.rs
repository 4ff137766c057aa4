//! Draws a clip of the domain: one antialiased shape on a straight path over a plain background.
//!
//! The same attributes and seed give the same bytes on every machine: only IEEE additions, multiplications and square
//! roots are used.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use vidbench_core::FramesU8;

use crate::grammar::{Attributes, Background, Color, Motion, Shape, Size};

/// Frames in every clip.
pub const FRAME_COUNT: usize = 16;
/// Height and width of every frame, in pixels.
pub const FRAME_SIZE: usize = 64;

/// Pixels left free between the path of the shape and the edge of the frame.
const MARGIN: f32 = 1.0;
/// Pixels per frame. The slowest still crosses a third of the frame, the fastest keeps the largest triangle inside.
const SPEED: (f32, f32) = (1.3, 1.6);

impl Color {
    /// sRGB of the shape.
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Self::Red => [230, 40, 40],
            Self::Green => [40, 190, 60],
            Self::Blue => [50, 100, 245],
            Self::Yellow => [240, 220, 50],
            Self::White => [245, 245, 245],
            Self::Magenta => [225, 50, 220],
        }
    }
}

impl Background {
    /// sRGB of the background.
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Self::Black => [0, 0, 0],
            Self::Gray => [128, 128, 128],
            Self::Navy => [10, 20, 90],
            Self::Brown => [105, 65, 30],
        }
    }
}

impl Size {
    /// Range of the radius of the circle with the area of the shape, in pixels.
    pub const fn radius_range(self) -> (f32, f32) {
        match self {
            Self::Small => (7.6, 8.8),
            Self::Large => (12.2, 13.5),
        }
    }
}

impl Motion {
    /// Unit step `(x, y)` per frame; y grows downwards.
    pub const fn direction(self) -> (f32, f32) {
        match self {
            Self::Left => (-1.0, 0.0),
            Self::Right => (1.0, 0.0),
            Self::Up => (0.0, -1.0),
            Self::Down => (0.0, 1.0),
        }
    }
}

impl Shape {
    /// Distance in pixels from `(x, y)`, relative to the centroid, to the outline; negative inside.
    ///
    /// `radius` is that of the circle of equal area.
    pub fn signed_distance(self, x: f32, y: f32, radius: f32) -> f32 {
        match self {
            Self::Circle => (x * x + y * y).sqrt() - radius,
            Self::Square => x.abs().max(y.abs()) - radius * SQUARE_HALF_SIDE,
            Self::Triangle => {
                let slanted = x.abs() * HALF_SQRT_3 - y * 0.5;
                slanted.max(y) - radius * TRIANGLE_INRADIUS
            }
        }
    }

    /// Reach of the shape from its centroid: left and right, up, down; in units of the radius.
    const fn reach(self) -> (f32, f32, f32) {
        match self {
            Self::Circle => (1.0, 1.0, 1.0),
            Self::Square => (SQUARE_HALF_SIDE, SQUARE_HALF_SIDE, SQUARE_HALF_SIDE),
            Self::Triangle => {
                (TRIANGLE_INRADIUS * 2.0 * HALF_SQRT_3, TRIANGLE_INRADIUS * 2.0, TRIANGLE_INRADIUS)
            }
        }
    }
}

/// `sqrt(pi) / 2`: a square of this half side has the area of the unit circle.
const SQUARE_HALF_SIDE: f32 = 0.886_226_9;
/// `sqrt(pi / (3 sqrt 3))`: an equilateral triangle of this inradius has the area of the unit circle.
const TRIANGLE_INRADIUS: f32 = 0.777_563_6;
const HALF_SQRT_3: f32 = 0.866_025_4;

/// The clip of these attributes whose exact size, path and speed come from `seed`.
pub fn render(attributes: &Attributes, seed: u64) -> FramesU8 {
    let track = Track::draw(attributes, seed);
    let background = attributes.background.rgb();
    let mut data = background.repeat(FRAME_COUNT * FRAME_SIZE * FRAME_SIZE);
    let frames = data.chunks_exact_mut(FRAME_SIZE * FRAME_SIZE * FramesU8::CHANNELS);
    for (frame, t) in frames.zip(0_u8..) {
        track.draw_shape(frame, f32::from(t), attributes);
    }
    FramesU8::new(FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, data).expect("the buffer is made for this shape")
}

/// Where the shape is at each frame.
struct Track {
    radius: f32,
    start: (f32, f32),
    step: (f32, f32),
}

impl Track {
    fn draw(attributes: &Attributes, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = |(low, high): (f32, f32)| {
            let unit = (rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32;
            low + (high - low) * unit
        };
        let radius = uniform(attributes.size.radius_range());
        let speed = uniform(SPEED);
        let direction = attributes.motion.direction();
        let step = (direction.0 * speed, direction.1 * speed);
        let last = (FRAME_COUNT - 1) as f32;
        let travel = (step.0 * last, step.1 * last);
        let (side, up, down) = attributes.shape.reach();
        let x = uniform(free_range(side * radius, side * radius, travel.0));
        let y = uniform(free_range(up * radius, down * radius, travel.1));
        Self { radius, start: (x, y), step }
    }

    fn centre(&self, t: f32) -> (f32, f32) {
        (self.start.0 + self.step.0 * t, self.start.1 + self.step.1 * t)
    }

    /// Blends the shape into one frame, touching only its bounding box.
    fn draw_shape(&self, frame: &mut [u8], t: f32, attributes: &Attributes) {
        let (cx, cy) = self.centre(t);
        let (side, up, down) = attributes.shape.reach();
        let (x0, x1) = pixel_span(cx - side * self.radius, cx + side * self.radius);
        let (y0, y1) = pixel_span(cy - up * self.radius, cy + down * self.radius);
        for y in y0..y1 {
            let row = &mut frame[(y * FRAME_SIZE + x0) * 3..(y * FRAME_SIZE + x1) * 3];
            let dy = y as f32 + 0.5 - cy;
            for (pixel, x) in row.chunks_exact_mut(3).zip(x0..) {
                let dx = x as f32 + 0.5 - cx;
                let distance = attributes.shape.signed_distance(dx, dy, self.radius);
                blend(pixel, attributes.color.rgb(), (0.5 - distance).clamp(0.0, 1.0));
            }
        }
    }
}

/// Range of the first centre on one axis that keeps the whole path inside the frame.
fn free_range(reach_before: f32, reach_after: f32, travel: f32) -> (f32, f32) {
    let low = MARGIN + reach_before - travel.min(0.0);
    let high = FRAME_SIZE as f32 - MARGIN - reach_after - travel.max(0.0);
    (low, high)
}

/// Pixels that a span of the plane can touch, antialiasing included.
fn pixel_span(low: f32, high: f32) -> (usize, usize) {
    let first = (low - 1.0).max(0.0) as usize;
    let end = (high + 2.0).max(0.0) as usize;
    (first.min(FRAME_SIZE), end.min(FRAME_SIZE))
}

fn blend(pixel: &mut [u8], color: [u8; 3], coverage: f32) {
    for (channel, target) in pixel.iter_mut().zip(color) {
        let below = f32::from(*channel);
        *channel = (below + (f32::from(target) - below) * coverage + 0.5) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::parse_prompt;

    /// FNV-1a: enough to pin bytes without a dependency.
    fn hash(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
    }

    #[test]
    fn bytes_of_a_seed_never_change() {
        let prompts = [
            "a large red circle moving left on a navy background",
            "a small white square moving down on a black background",
            "a large magenta triangle moving up on a gray background",
        ];
        let hashes = prompts.map(|p| hash(render(&parse_prompt(p).unwrap(), 1).as_bytes()));
        assert_eq!(
            hashes.map(|h| format!("{h:016x}")),
            ["43c4808697b99d7b", "e1a3af771862f2d6", "4ddf54ad344cdd88"]
        );
    }

    #[test]
    fn the_path_stays_inside_the_frame() {
        for (seed, attributes) in (0..).zip(Attributes::all()) {
            let clip = render(&attributes, seed);
            let (shape, background) = (attributes.color.rgb(), attributes.background.rgb());
            // Antialiasing rounds off a pointed corner, which may shade the outermost pixel by a third.
            let at_most_shaded = |pixel: [u8; 3]| {
                (0..3).all(|c| pixel[c].abs_diff(background[c]) <= shape[c].abs_diff(background[c]) / 3 + 1)
            };
            for (t, i) in (0..FRAME_COUNT).flat_map(|t| (0..FRAME_SIZE).map(move |i| (t, i))) {
                for (y, x) in [(0, i), (FRAME_SIZE - 1, i), (i, 0), (i, FRAME_SIZE - 1)] {
                    assert!(at_most_shaded(clip.pixel(t, y, x)), "{attributes:?} {seed}");
                }
            }
        }
    }

    #[test]
    fn shapes_of_one_radius_have_one_area() {
        for shape in [Shape::Circle, Shape::Square, Shape::Triangle] {
            let inside = (-3000..3000)
                .flat_map(|y| (-3000..3000).step_by(7).map(move |x| (x, y)))
                .filter(|(x, y)| shape.signed_distance(*x as f32 / 100.0, *y as f32 / 100.0, 10.0) < 0.0)
                .count();
            let area = inside as f32 * 7.0 / 10_000.0;
            assert!((area - 314.16).abs() < 2.0, "{shape:?} {area}");
        }
    }
}
