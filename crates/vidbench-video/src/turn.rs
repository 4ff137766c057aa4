//! Turns frames by quarters, as a player does for a recorded rotation.

use vidbench_core::{Plane, Planes};

use crate::error::VideoErrorKind;

/// A clockwise turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

impl Turn {
    /// The turn that `[a, b, c, d]` of a display matrix asks for, if it is within a hundredth of a quarter turn.
    /// Mirrors, scales and shears are refused.
    pub(crate) fn from_matrix(matrix: [f64; 4]) -> Result<Self, VideoErrorKind> {
        const TOLERANCE: f64 = 0.01;
        let is = |turn: &Self| {
            turn.matrix().iter().zip(matrix).all(|(cell, other)| (cell - other).abs() <= TOLERANCE)
        };
        let known = [Self::None, Self::Quarter, Self::Half, Self::ThreeQuarters].into_iter().find(is);
        known.ok_or(VideoErrorKind::UnsupportedRotation { matrix })
    }

    fn matrix(self) -> [f64; 4] {
        match self {
            Self::None => [1.0, 0.0, 0.0, 1.0],
            Self::Quarter => [0.0, 1.0, -1.0, 0.0],
            Self::Half => [-1.0, 0.0, 0.0, -1.0],
            Self::ThreeQuarters => [0.0, -1.0, 1.0, 0.0],
        }
    }

    /// Clockwise.
    pub(crate) fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// Width and height after the turn, from those before it.
    pub(crate) fn size<T>(self, (width, height): (T, T)) -> (T, T) {
        match self {
            Self::None | Self::Half => (width, height),
            Self::Quarter | Self::ThreeQuarters => (height, width),
        }
    }
}

/// Holds the turned copy of a frame.
#[derive(Debug, Default)]
pub(crate) struct Turned {
    rgb: Vec<u8>,
    planes: [Vec<u8>; 3],
}

impl Turned {
    /// `rgb`, `[H, W, 3]` or empty, turned.
    pub(crate) fn rgb(&mut self, rgb: &[u8], size: (usize, usize), turn: Turn) {
        self.rgb.clear();
        if !rgb.is_empty() {
            turn_pixels::<3>(rgb, size.0 * 3, size, turn, &mut self.rgb);
        }
    }

    pub(crate) fn planes(&mut self, planes: &Planes<'_>, turn: Turn) {
        let chroma = planes.chroma.into_iter().flatten();
        for (plane, out) in std::iter::once(planes.luma).chain(chroma).zip(&mut self.planes) {
            let (size, stride) = ((plane.width, plane.height), plane.stride);
            out.clear();
            match planes.bit_depth {
                8 => turn_pixels::<1>(plane.bytes, stride, size, turn, out),
                _ => turn_pixels::<2>(plane.bytes, stride, size, turn, out),
            }
        }
    }

    /// The turned copies of `planes`.
    pub(crate) fn get<'a>(
        &'a self,
        planes: Option<&Planes<'_>>,
        turn: Turn,
    ) -> (&'a [u8], Option<Planes<'a>>) {
        let of = |plane: &Plane<'_>, bytes: &'a [u8], bit_depth: u8| {
            let (width, height) = turn.size((plane.width, plane.height));
            Plane { width, height, stride: width * if bit_depth > 8 { 2 } else { 1 }, bytes }
        };
        let [luma, cb, cr] = &self.planes;
        let planes = planes.map(|stored| Planes {
            bit_depth: stored.bit_depth,
            full_range: stored.full_range,
            luma: of(&stored.luma, luma, stored.bit_depth),
            chroma: stored
                .chroma
                .as_ref()
                .map(|[b, r]| [of(b, cb, stored.bit_depth), of(r, cr, stored.bit_depth)]),
        });
        (&self.rgb, planes)
    }
}

/// Appends the pixels of `N` bytes in their turned order, tightly packed.
fn turn_pixels<const N: usize>(
    bytes: &[u8],
    stride: usize,
    (width, height): (usize, usize),
    turn: Turn,
    out: &mut Vec<u8>,
) {
    let (out_width, out_height) = turn.size((width, height));
    out.reserve(out_width * out_height * N);
    for y in 0..out_height {
        for x in 0..out_width {
            let (from_x, from_y) = match turn {
                Turn::None => (x, y),
                Turn::Quarter => (y, height - 1 - x),
                Turn::Half => (width - 1 - x, height - 1 - y),
                Turn::ThreeQuarters => (width - 1 - y, x),
            };
            let at = from_y * stride + from_x * N;
            out.extend_from_slice(&bytes[at..at + N]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 2 3` over `4 5 6`, rows five bytes apart.
    fn turned(turn: Turn) -> Vec<u8> {
        let mut out = Vec::new();
        turn_pixels::<1>(&[1, 2, 3, 0, 0, 4, 5, 6], 5, (3, 2), turn, &mut out);
        out
    }

    #[test]
    fn turns_go_clockwise() {
        assert_eq!(turned(Turn::None), [1, 2, 3, 4, 5, 6]);
        assert_eq!(turned(Turn::Quarter), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(Turn::Half), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(Turn::ThreeQuarters), [3, 6, 2, 5, 1, 4]);
    }

    #[test]
    fn pixels_of_several_bytes_stay_whole() {
        let mut out = Vec::new();
        turn_pixels::<3>(&[1, 2, 3, 4, 5, 6], 6, (2, 1), Turn::Half, &mut out);
        assert_eq!(out, [4, 5, 6, 1, 2, 3]);
    }

    #[test]
    fn only_quarters_are_turned() {
        for turn in [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters] {
            assert_eq!(Turn::from_matrix(turn.matrix().map(|cell| cell + 0.005)).unwrap(), turn);
        }
        let error = Turn::from_matrix([0.5, 0.5, -0.5, 0.5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a player would apply the matrix [0.5 0.5; -0.5 0.5], which is not a quarter turn"
        );
    }
}
