//! The comparison for processors with AVX2. It gives the same bits as the one for every processor, in less time.
//!
//! Filters are limited by loading, so samples are not loaded from far away, and a filter does not load across the lines
//! of the cache. A band of a few rows of places is computed from left to right, and everything between its bytes and
//! its sums stays in the cache next to the core: a tile of the image is filtered across and transposed, so that a
//! register holds one column of eight rows, and a strip of such columns is filtered along by the same code that
//! filtered the rows of the tile.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_div_ps, _mm256_fmadd_ps, _mm256_fmsub_ps, _mm256_loadu_ps,
    _mm256_loadu2_m128, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_shuffle_ps,
    _mm256_storeu_ps, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};
use std::ops::Range;

use super::{
    Image, LANES, MAPS, MAX_CHANNELS, MIDDLE, Samples, Similarity, TAPS, Terms, Totals, Window, products,
    window,
};

/// Samples of a register.
const LINE: usize = 8;
/// Groups of eight rows of places in a band.
const GROUPS: usize = 2;
/// Rows of places in a band.
const BAND: usize = GROUPS * LINE;
/// Rows of samples that a band looks at.
const ROWS: usize = BAND + TAPS - 1;
/// Registers that a row of a tile fills.
const TILE: usize = 2;
/// Samples of a row of a tile.
const TILE_WIDTH: usize = TILE * LINE;
/// Columns of places in a strip: whole tiles, whole rounds of lanes, and whole steps of the filter.
const STRIP: usize = 2 * LANES;
/// Columns of samples that a strip looks at, up to the end of a tile.
const COLUMNS: usize = STRIP + ahead::<MAX_CHANNELS>();
/// How many sums are computed together: they share what they load, and the registers suffice for them.
const ABREAST: usize = 4;

const _: () = assert!(STRIP.is_multiple_of(TILE_WIDTH) && STRIP.is_multiple_of(ABREAST * MAX_CHANNELS));
const _: () = assert!(BAND.is_multiple_of(ABREAST));

/// A register in memory.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Line([f32; LINE]);

const ZERO: Line = Line([0.0; LINE]);

/// Rows of the image, then local sums over columns, of each map.
type Tile = [[[Line; TILE]; ROWS]; MAPS];

/// Columns of eight rows, local sums over columns, then over both, of each map.
type Columns = [[Line; COLUMNS]; MAPS];

/// [`super::Sums`] of eight rows.
type Sums = [[Line; LANES]; 2];

/// Working memory of a band, 30 KiB.
struct Buffers {
    tile: Tile,
    columns: [Columns; GROUPS],
    sums: [Sums; GROUPS],
}

/// Compares two images of one shape that is as large as the window.
#[target_feature(enable = "avx2,fma")]
pub(super) fn compare(a: &Image<'_>, b: &Image<'_>) -> Similarity {
    match a.channels {
        1 => compare_channels::<1>([a, b]),
        _ => compare_channels::<MAX_CHANNELS>([a, b]),
    }
}

#[target_feature(enable = "avx2,fma")]
fn compare_channels<const C: usize>(images: [&Image<'_>; 2]) -> Similarity {
    let [Image { width, height, peak, .. }, _] = images;
    let (terms, mut totals) = (Terms::new(*peak), Totals::default());
    let mut buffers = Buffers {
        tile: [[[ZERO; TILE]; ROWS]; MAPS],
        columns: [[[ZERO; COLUMNS]; MAPS]; GROUPS],
        sums: [[[ZERO; LANES]; 2]; GROUPS],
    };
    let places = height - TAPS + 1;
    for top in (0..places).step_by(BAND) {
        let rows = BAND.min(places - top);
        buffers.sums = [[[ZERO; LANES]; 2]; GROUPS];
        band::<C>(images, top..top + rows, &terms, &mut buffers);
        for row in 0..rows {
            let sums = buffers.sums[row / LINE].as_flattened().iter().map(|line| line.0[row % LINE]);
            totals.add(sums);
        }
    }
    totals.finish(C, places * (width - TAPS + 1))
}

/// By how many samples a row of places is shorter than a row of the image.
const fn margin<const C: usize>() -> usize {
    (TAPS - 1) * C
}

/// Columns to the right of a strip that it looks at, up to the end of a tile.
const fn ahead<const C: usize>() -> usize {
    margin::<C>().next_multiple_of(TILE_WIDTH)
}

/// Adds up some rows of places.
#[target_feature(enable = "avx2,fma")]
fn band<const C: usize>(images: [&Image<'_>; 2], rows: Range<usize>, terms: &Terms, buffers: &mut Buffers) {
    let (window, samples) = (window(), images[0].row_len());
    let groups = rows.len().div_ceil(LINE);
    let Buffers { tile, columns, sums } = buffers;
    let columns = &mut columns[..groups];
    let valid = samples - margin::<C>();
    let mut known = 0;
    for left in (0..valid).step_by(STRIP) {
        let end = (STRIP + ahead::<C>()).min(samples - left);
        for at in (known..end).step_by(TILE_WIDTH) {
            read_tile(images, rows.start..rows.end + TAPS - 1, left + at, terms.middle, tile);
            filter_across(tile, &window, columns, at);
        }
        let places = STRIP.min(valid - left);
        for (columns, sums) in columns.iter_mut().zip(sums.iter_mut()) {
            for map in columns.iter_mut() {
                filter::<C>(map, window, places);
            }
            add(terms, columns, places, sums);
            for map in columns {
                map.copy_within(STRIP..STRIP + ahead::<C>(), 0);
            }
        }
        known = ahead::<C>();
    }
}

/// Never inlined, so that the loops get more registers.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn read_tile(images: [&Image<'_>; 2], rows: Range<usize>, left: usize, middle: f32, tile: &mut Tile) {
    let [a, b, squares, product] = tile;
    read(images[0], rows.start, left, middle, &mut a[..rows.len()]);
    read(images[1], rows.start, left, middle, &mut b[..rows.len()]);
    for row in 0..rows.len() {
        for line in 0..TILE {
            let (a, b) = (&a[row][line].0, &b[row][line].0);
            let (squares, product) = (&mut squares[row][line].0, &mut product[row][line].0);
            for at in 0..LINE {
                (squares[at], product[at]) = products(a[at], b[at]);
            }
        }
    }
}

/// Reads samples and subtracts `middle` from them. What lies after the end of a row only reaches places that are not
/// counted.
#[inline(always)]
fn read(image: &Image<'_>, top: usize, left: usize, middle: f32, out: &mut [[Line; TILE]]) {
    let set = |out: &mut [Line; TILE], samples: [f32; TILE_WIDTH]| {
        for (out, samples) in out.iter_mut().zip(samples.as_chunks().0) {
            *out = Line(samples.map(|sample| sample - middle));
        }
    };
    let rows = (top..).zip(out);
    match image.samples {
        Samples::Floats(ref data) => {
            let (data, stride) = (data.as_slice(), image.row_len());
            for (y, out) in rows {
                set(out, padded(data, y * stride + left));
            }
        }
        Samples::Bytes { bytes, stride } => {
            for (y, out) in rows {
                set(out, padded(bytes, y * stride + left).map(f32::from));
            }
        }
        Samples::Words { bytes, stride } => {
            for (y, out) in rows {
                let words: [u8; 2 * TILE_WIDTH] = padded(bytes, y * stride + 2 * left);
                let word = |at| f32::from(u16::from_le_bytes([words[2 * at], words[2 * at + 1]]));
                set(out, std::array::from_fn(word));
            }
        }
    }
}

/// The data from `from` on, with zeros after its end.
#[inline(always)]
fn padded<T: Copy + Default, const N: usize>(data: &[T], from: usize) -> [T; N] {
    let data = &data[from..];
    data.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [T::default(); N];
        padded[..data.len()].copy_from_slice(data);
        padded
    })
}

/// Filters a tile into the columns from `at` on.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn filter_across(tile: &mut Tile, window: &Window, columns: &mut [Columns], at: usize) {
    for (map, tile) in tile.iter_mut().enumerate() {
        filter::<TILE>(tile.as_flattened_mut(), *window, columns.len() * LINE * TILE);
        for (rows, columns) in tile.as_chunks().0.iter().zip(columns.iter_mut()) {
            let columns = columns[map][at..].as_chunks_mut().0;
            for (line, columns) in columns[..TILE].iter_mut().enumerate() {
                turn(rows.each_ref().map(|row| &row[line].0), columns);
            }
        }
    }
}

/// Replaces each line by the weighted sum of [`TAPS`] lines, of which it is the first and which are `STRIDE` apart, up
/// to the line `end` and to the end of a step.
///
/// Never inlined: in the caller no registers are free for the weights, and they are loaded again for every line.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn filter<const STRIDE: usize>(lines: &mut [Line], window: Window, end: usize) {
    let weights = window.map(|weight| _mm256_set1_ps(weight));
    for left in (0..end).step_by(ABREAST * STRIDE) {
        for at in left..left + STRIDE {
            let lines = &mut lines[at..][..(TAPS + ABREAST - 2) * STRIDE + 1];
            let tap = |tap: usize| load(&lines[tap * STRIDE].0);
            // As `super::weighted_sum`.
            let mut sums = [_mm256_setzero_ps(); ABREAST];
            for (first, sum) in sums.iter_mut().enumerate() {
                *sum = tap(first + MIDDLE);
            }
            for (from, weight) in weights.iter().enumerate().rev() {
                for (first, sum) in sums.iter_mut().enumerate() {
                    let pair = _mm256_add_ps(tap(first + from), tap(first + TAPS - 1 - from));
                    *sum = _mm256_fmadd_ps(pair, *weight, *sum);
                }
            }
            for (first, sum) in sums.into_iter().enumerate() {
                store(&mut lines[first * STRIDE].0, sum);
            }
        }
    }
}

/// Transposes eight rows into eight columns.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn turn(rows: [&[f32; LINE]; LINE], columns: &mut [Line; LINE]) {
    for (half, columns) in columns.as_chunks_mut::<{ LINE / 2 }>().0.iter_mut().enumerate() {
        // Puts half a row beside the same half of the row four below; what is left is to transpose squares of 4x4
        // samples.
        let pair =
            |row: usize| load_halves(&rows[row].as_chunks().0[half], &rows[row + 4].as_chunks().0[half]);
        let (r0, r1, r2, r3) = (pair(0), pair(1), pair(2), pair(3));
        let (left01, right01) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
        let (left23, right23) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
        let [c0, c1, c2, c3] = columns;
        store(&mut c0.0, _mm256_shuffle_ps::<0b01_00_01_00>(left01, left23));
        store(&mut c1.0, _mm256_shuffle_ps::<0b11_10_11_10>(left01, left23));
        store(&mut c2.0, _mm256_shuffle_ps::<0b01_00_01_00>(right01, right23));
        store(&mut c3.0, _mm256_shuffle_ps::<0b11_10_11_10>(right01, right23));
    }
}

/// Adds the first `places` columns. Never inlined: see [`read_tile`].
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn add(terms: &Terms, columns: &Columns, places: usize, [ssim, contrast]: &mut Sums) {
    let [a, b, squares, product] = columns;
    for left in (0..places).step_by(LANES) {
        for lane in 0..LANES.min(places - left) {
            let at = left + lane;
            let sums = [load(&a[at].0), load(&b[at].0), load(&squares[at].0), load(&product[at].0)];
            let (similarity, structure) = similarity(terms, sums);
            let (ssim, contrast) = (&mut ssim[lane].0, &mut contrast[lane].0);
            store(ssim, _mm256_add_ps(load(ssim), similarity));
            store(contrast, _mm256_add_ps(load(contrast), structure));
        }
    }
}

/// As [`Terms::of`], eight at once.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn similarity(terms: &Terms, [a, b, squares, product]: [__m256; MAPS]) -> (__m256, __m256) {
    let (c1, c2) = (_mm256_set1_ps(terms.c1), _mm256_set1_ps(terms.c2));
    let (middle, weight) = (_mm256_set1_ps(terms.middle_sum), _mm256_set1_ps(terms.weight));
    let difference = _mm256_mul_ps(_mm256_sub_ps(a, b), _mm256_sub_ps(a, b));
    let variance = _mm256_fmsub_ps(squares, weight, difference);
    let covariance = _mm256_fmsub_ps(product, weight, _mm256_mul_ps(a, b));
    let (a, b) = (_mm256_add_ps(a, middle), _mm256_add_ps(b, middle));
    let means = _mm256_fmadd_ps(_mm256_add_ps(a, a), b, c1);
    let covariances = _mm256_add_ps(_mm256_add_ps(covariance, covariance), c2);
    let structure = _mm256_div_ps(covariances, _mm256_add_ps(covariances, variance));
    let luminance = _mm256_div_ps(means, _mm256_add_ps(means, difference));
    (_mm256_mul_ps(luminance, structure), structure)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(line: &[f32; LINE]) -> __m256 {
    // SAFETY: the array holds as many floats as a register; their address may be any.
    unsafe { _mm256_loadu_ps(line.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_halves(low: &[f32; LINE / 2], high: &[f32; LINE / 2]) -> __m256 {
    // SAFETY: each array holds as many floats as half a register; their addresses may be any.
    unsafe { _mm256_loadu2_m128(high.as_ptr(), low.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(line: &mut [f32; LINE], values: __m256) {
    // SAFETY: as in `load`.
    unsafe { _mm256_storeu_ps(line.as_mut_ptr(), values) }
}
