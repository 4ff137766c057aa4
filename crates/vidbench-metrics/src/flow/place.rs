//! Places between pixels.

/// A place in a picture, by the four pixels around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pixels: [usize; 4],
    weights: [f32; 4],
}

impl Place {
    /// None outside the picture, whose pixels are points at (0, 0) to (width - 1, height - 1).
    pub(crate) fn new(x: f32, y: f32, width: usize, height: usize) -> Option<Self> {
        let (right, bottom) = (width.checked_sub(1)?, height.checked_sub(1)?);
        if !(x >= 0.0 && y >= 0.0 && x <= right as f32 && y <= bottom as f32) {
            return None;
        }
        // Truncation equals the floor for numbers that are not negative, and is quicker.
        let (left, top) = (x as i32, y as i32);
        let (along, down) = (x - left as f32, y - top as f32);
        let (left, top) = (left as usize, top as usize);
        let (row, below) = (top * width, (top + 1).min(bottom) * width);
        let beside = (left + 1).min(right);
        Some(Self {
            pixels: [row + left, row + beside, below + left, below + beside],
            weights: [(1.0 - along) * (1.0 - down), along * (1.0 - down), (1.0 - along) * down, along * down],
        })
    }

    /// The picture's value at this place, from the values of its pixels.
    pub(crate) fn read(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.pixels.iter().zip(self.weights).map(|(pixel, weight)| weight * value(*pixel)).sum()
    }
}
