//! Compares the conversion with one in real numbers, done the slow way.

use vidbench_core::Plane;

use super::chroma::{SitingH, SitingV};
use super::matrix::Real;
use super::*;

/// Samples of one plane, `bits` deep, stored as a file would.
struct Stored {
    width: usize,
    height: usize,
    bits: u8,
    bytes: Vec<u8>,
}

impl Stored {
    /// Pseudo-random samples over the whole range, and a row padding of five samples.
    fn noise(width: usize, height: usize, bits: u8, seed: u32) -> Self {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as u16 & ((1_u32 << bits) - 1) as u16
        };
        let samples = (0..(width + 5) * height).map(|_| next());
        let bytes = match bits {
            8 => samples.map(|sample| sample as u8).collect(),
            _ => samples.flat_map(u16::to_le_bytes).collect(),
        };
        Self { width, height, bits, bytes }
    }

    fn stride(&self) -> usize {
        (self.width + 5) * if self.bits > 8 { 2 } else { 1 }
    }

    fn plane(&self) -> Plane<'_> {
        Plane { width: self.width, height: self.height, stride: self.stride(), bytes: &self.bytes }
    }

    /// The sample at a place; outside the plane, the sample at the nearest edge.
    fn at(&self, x: isize, y: isize) -> f64 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        match self.bits {
            8 => self.bytes[y * self.stride() + x].into(),
            _ => {
                let at = y * self.stride() + 2 * x;
                f64::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
            }
        }
    }

    /// Bilinear value at a real place.
    fn between(&self, x: f64, y: f64) -> f64 {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let at = |dx: isize, dy: isize| self.at(left as isize + dx, top as isize + dy);
        let row = |dy| at(0, dy) * (1.0 - fx) + at(1, dy) * fx;
        row(0) * (1.0 - fy) + row(1) * fy
    }
}

/// Position on the chroma grid of luma column or row `at`, for chroma samples that lie `offset` luma steps into their
/// pair.
fn chroma_place(at: usize, halved: bool, offset: f64) -> f64 {
    if halved { (at as f64 - offset) / 2.0 } else { at as f64 }
}

fn real_rgb(y: f64, cb: f64, cr: f64, bits: u8, meaning: &YuvMeaning) -> [f64; 3] {
    let real = Real::new(meaning, bits);
    let [cr_r, cb_g, cr_g, cb_b] = real.chroma;
    let grey = f64::from(1_u32 << (bits - 1));
    let (y, cb, cr) = ((y - real.black) * real.luma, cb - grey, cr - grey);
    [y + cr * cr_r, y + cb * cb_g + cr * cr_g, y + cb * cb_b].map(|level| level.clamp(0.0, 255.0))
}

/// Largest distance to the real conversion, over a frame of noise.
fn worst(size: (usize, usize), halved: (bool, bool), bits: u8, meaning: &YuvMeaning) -> f64 {
    let (width, height) = size;
    let part = |whole: usize, halved| if halved { whole.div_ceil(2) } else { whole };
    let (chroma_w, chroma_h) = (part(width, halved.0), part(height, halved.1));
    let luma = Stored::noise(width, height, bits, 1);
    let chroma = [2, 3].map(|seed| Stored::noise(chroma_w, chroma_h, bits, seed));
    let planes = Planes {
        bit_depth: bits,
        full_range: false,
        luma: luma.plane(),
        chroma: Some([chroma[0].plane(), chroma[1].plane()]),
    };
    assert!(YuvToRgb::handles(&planes));
    let mut rgb = vec![7; 3];
    YuvToRgb::default().convert(&planes, meaning, &mut rgb);
    let (off_x, off_y) = offsets(meaning.siting);
    let mut worst: f64 = 0.0;
    for (index, pixel) in rgb.as_chunks::<3>().0.iter().enumerate() {
        let (x, y) = (index % width, index / width);
        let (cx, cy) = (chroma_place(x, halved.0, off_x), chroma_place(y, halved.1, off_y));
        let [cb, cr] = [&chroma[0], &chroma[1]].map(|plane| plane.between(cx, cy));
        let exact = real_rgb(luma.at(x as isize, y as isize), cb, cr, bits, meaning);
        let errors = pixel.iter().zip(exact).map(|(&byte, exact)| (f64::from(byte) - exact).abs());
        worst = errors.fold(worst, f64::max);
    }
    assert_eq!(rgb.len(), width * height * 3);
    worst
}

fn offsets(siting: Siting) -> (f64, f64) {
    let x = match siting.horizontal {
        SitingH::Left => 0.0,
        SitingH::Centre => 0.5,
    };
    let y = match siting.vertical {
        SitingV::Top => 0.0,
        SitingV::Centre => 0.5,
        SitingV::Bottom => 1.0,
    };
    (x, y)
}

const MATRICES: [ColourMatrix; 5] = [
    ColourMatrix::Bt601,
    ColourMatrix::Bt709,
    ColourMatrix::Bt2020,
    ColourMatrix::Fcc,
    ColourMatrix::Smpte240m,
];

/// What docs/decoding.md promises.
const BOUND: f64 = 0.6;

#[test]
fn every_matrix_range_and_depth_is_within_the_bound() {
    for matrix in MATRICES {
        for range in [ColourRange::Limited, ColourRange::Full] {
            for bits in 8..=12 {
                let meaning = YuvMeaning { matrix, range, siting: Siting::from_tag(0) };
                let worst = worst((64, 32), (true, true), bits, &meaning);
                assert!(worst <= BOUND, "{meaning:?} at {bits} bit: {worst}");
            }
        }
    }
}

#[test]
fn every_siting_and_subsampling_is_within_the_bound_at_odd_sizes() {
    let (matrix, range) = (ColourMatrix::Bt709, ColourRange::Limited);
    for tag in 0..=6 {
        for halved in [(true, true), (true, false), (false, true), (false, false)] {
            for size in [(33, 17), (1, 1), (2, 2), (1, 5), (7, 1), (65, 3)] {
                for bits in [8, 10] {
                    let meaning = YuvMeaning { matrix, range, siting: Siting::from_tag(tag) };
                    let worst = worst(size, halved, bits, &meaning);
                    assert!(worst <= BOUND, "{meaning:?} {halved:?} {size:?} at {bits} bit: {worst}");
                }
            }
        }
    }
}

#[test]
fn grey_has_no_colour_and_full_range_grey_is_itself() {
    let luma: Vec<u8> = (0..=255).collect();
    let plane = Plane { width: 256, height: 1, stride: 256, bytes: &luma };
    let planes = Planes { bit_depth: 8, full_range: false, luma: plane, chroma: None };
    let siting = Siting::from_tag(0);
    let rgb = |range| {
        let mut rgb = Vec::new();
        YuvToRgb::default().convert(
            &planes,
            &YuvMeaning { matrix: ColourMatrix::Bt709, range, siting },
            &mut rgb,
        );
        assert!(rgb.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
        rgb.into_iter().step_by(3).collect::<Vec<u8>>()
    };
    assert_eq!(rgb(ColourRange::Full), luma);
    for (byte, y) in rgb(ColourRange::Limited).into_iter().zip(0_u8..=255) {
        let exact = ((f64::from(y) - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
        assert!((f64::from(byte) - exact).abs() <= 0.55, "{y}: {byte}, not {exact}");
    }
}

#[test]
fn samples_beyond_their_depth_are_taken_as_the_largest() {
    for bits in [9, 10, 12] {
        let of = |word: u16| {
            let bytes = word.to_le_bytes().repeat(4);
            let plane = Plane { width: 2, height: 2, stride: 4, bytes: &bytes };
            let planes =
                Planes { bit_depth: bits, full_range: false, luma: plane, chroma: Some([plane, plane]) };
            let mut rgb = Vec::new();
            let (matrix, range) = (ColourMatrix::Bt2020, ColourRange::Limited);
            YuvToRgb::default().convert(
                &planes,
                &YuvMeaning { matrix, range, siting: Siting::from_tag(0) },
                &mut rgb,
            );
            rgb
        };
        assert_eq!(of(u16::MAX), of((1 << bits) - 1));
    }
}

#[test]
fn the_variant_for_avx2_gives_the_same_bytes() {
    for (bits, size) in [(8, (131, 9)), (10, (131, 9)), (12, (64, 4))] {
        let luma = Stored::noise(size.0, size.1, bits, 4);
        let chroma = Stored::noise(size.0.div_ceil(2), size.1.div_ceil(2), bits, 5);
        let planes = Planes {
            bit_depth: bits,
            full_range: false,
            luma: luma.plane(),
            chroma: Some([chroma.plane(), chroma.plane()]),
        };
        let siting = Siting::from_tag(2);
        let meaning = YuvMeaning { matrix: ColourMatrix::Bt709, range: ColourRange::Limited, siting };
        let mut chosen = Vec::new();
        YuvToRgb::default().convert(&planes, &meaning, &mut chosen);
        let mut plain = vec![0; chosen.len()];
        let coefficients = Coefficients::new(&meaning, bits);
        kernel::convert_any(&planes, siting, &coefficients, &mut Work::default(), &mut plain);
        assert_eq!(chosen, plain);
    }
}

#[test]
fn formats_it_was_not_written_for_are_left_alone() {
    let bytes = [0; 64];
    let plane = |width, height| Plane { width, height, stride: 16, bytes: &bytes };
    let planes = |bit_depth, chroma: (usize, usize)| {
        let chroma = Some([plane(chroma.0, chroma.1); 2]);
        Planes { bit_depth, full_range: false, luma: plane(8, 4), chroma }
    };
    assert!(YuvToRgb::handles(&planes(8, (4, 2))));
    assert!(!YuvToRgb::handles(&planes(8, (2, 4))));
    assert!(!YuvToRgb::handles(&planes(16, (4, 2))));
}
