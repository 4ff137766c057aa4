//! Dense optical flow by polynomial expansion: where each pixel of a frame is in another frame, without learned weights.
//!
//! Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003. The neighbourhood of each pixel is
//! described by a quadratic polynomial (`expansion`); a displacement changes the polynomial in a known way, so the
//! displacement follows from two polynomials by least squares over a window (`level`), from a small picture to the full
//! one (`resample`). The parameters are fixed, because they are part of the metrics that use the flow.
//!
//! The numbers are those of OpenCV 5.0's `calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 7, 1.5, 0)` to about a
//! thousandth of a pixel; what the paper leaves open (weights at the border, smoothing, smallest picture) follows
//! OpenCV. The two differ only where a side is below 10 pixels, because OpenCV weights the border differently there.
//! Everything is computed in one order by one thread.
//!
//! ```
//! use vidbench_metrics::flow::Pyramid;
//!
//! // A soft bump at (20, 16), then at (22, 15).
//! let bump = |x0: f32, y0: f32| -> Vec<u8> {
//!     let at = |n: usize| ((n % 40) as f32 - x0, (n / 40) as f32 - y0);
//!     (0..40 * 32).map(at).map(|(x, y)| (250.0 * (-(x * x + y * y) / 50.0).exp()) as u8).collect()
//! };
//! let pyramid = |grey: Vec<u8>| Pyramid::new(&grey, 40, 32);
//! let flow = pyramid(bump(20.0, 16.0)).flow_to(&pyramid(bump(22.0, 15.0)));
//! let centre = 16 * 40 + 20;
//! assert!((flow.dx[centre] - 2.0).abs() < 0.1 && (flow.dy[centre] + 1.0).abs() < 0.1);
//! ```

mod expansion;
mod level;
mod place;
mod resample;

use expansion::Expansion;
pub(crate) use place::Place;
use resample::Grid;

/// How often the picture is halved at most.
const HALVINGS: u32 = 5;
/// The smallest side of a halved picture.
const LEAST_SIDE: f64 = 32.0;

/// Where each pixel of a frame is in another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Displacement to the right in pixels, `[H, W]`.
    pub dx: Vec<f32>,
    /// Displacement downwards in pixels, `[H, W]`.
    pub dy: Vec<f32>,
}

impl Flow {
    fn zero(width: usize, height: usize) -> Self {
        Self { width, height, dx: vec![0.0; width * height], dy: vec![0.0; width * height] }
    }

    /// Where the pixel at `x`, `y` is in the other frame; `None` outside of it.
    pub(crate) fn place(&self, x: usize, y: usize) -> Option<Place> {
        let at = y * self.width + x;
        Place::new(x as f32 + self.dx[at], y as f32 + self.dy[at], self.width, self.height)
    }
}

/// What flows from and to a frame are computed from. It is made once per frame and serves every pair that the frame is
/// in.
#[derive(Debug, Clone)]
pub struct Pyramid {
    /// The full picture first, each next one half as large.
    levels: Vec<Expansion>,
}

impl Pyramid {
    /// Takes brightness `[height, width]`, 8 bit, of any size, even 0.
    ///
    /// # Panics
    ///
    /// When `grey` has fewer pixels.
    pub fn new(grey: &[u8], width: usize, height: usize) -> Self {
        let pixels: Vec<f32> = grey.iter().map(|value| f32::from(*value)).collect();
        let level = |halvings: u32| {
            let (columns, rows) = (Grid::new(width, halvings), Grid::new(height, halvings));
            Expansion::new(&resample::shrink(&pixels, &columns, &rows), columns.len(), rows.len())
        };
        Self { levels: (0..=halvings(width, height)).map(level).collect() }
    }

    /// The flow from this frame to another of the same size.
    pub fn flow_to(&self, other: &Self) -> Flow {
        let pairs = self.levels.iter().zip(&other.levels).rev();
        let flow = pairs.fold(None, |flow, (from, to)| {
            let (width, height) = (from.width, from.height);
            let idea =
                flow.map_or_else(|| Flow::zero(width, height), |flow| resample::grow(&flow, width, height));
            Some(level::refine(from, to, idea))
        });
        flow.unwrap_or_else(|| Flow::zero(0, 0))
    }
}

/// How often the picture is halved.
fn halvings(width: usize, height: usize) -> u32 {
    let fits = |n: &u32| width.min(height) as f64 * 0.5_f64.powi(*n as i32) >= LEAST_SIDE;
    (1..=HALVINGS).take_while(fits).count() as u32
}
