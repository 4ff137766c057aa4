//! The comparison for processors with AVX2, which gives the bits of the one for every processor in less time.
//!
//! The image is taken in strips: all its rows, a few hundred samples wide, so that the rows under the window stay in the cache
//! next to the core, which scorers that run side by side have to share. Rows lie in pairs, eight samples of the one beside eight
//! of the other, because there are not enough registers for the addresses of twelve rows.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
};

use super::{
    Image, LANES, MAX_CHANNELS, MIDDLE, RING, Row, Similarity, Sums, TAPS, Terms, Totals, multiply, window,
};

/// Samples of a register.
const LINE: usize = 8;

/// Samples that a strip is wide at most.
const STRIP: usize = 12 * LANES;

/// Two rows of samples, a line of each.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lines([[f32; LINE]; 2]);

/// Local sums of two rows, filtered along: of a, b, a^2 + b^2, a b.
type Pair = [Vec<Lines>; 4];

/// The weights of the window, from its ends to its middle.
type Window = [f32; MIDDLE + 1];

/// A register for each of them.
type Weights = [__m256; MIDDLE + 1];

/// What a strip is worked out in.
struct Buffers {
    a: Vec<f32>,
    b: Vec<f32>,
    products: Row,
    ring: [Pair; RING / 2],
    places: [Row; 2],
}

/// Compares two images of one shape that is as large as the window.
#[target_feature(enable = "avx2,fma")]
pub(super) fn compare(a: &Image<'_>, b: &Image<'_>) -> Similarity {
    match a.channels {
        1 => compare_channels::<1>(a, b),
        _ => compare_channels::<MAX_CHANNELS>(a, b),
    }
}

#[target_feature(enable = "avx2,fma")]
fn compare_channels<const C: usize>(a: &Image<'_>, b: &Image<'_>) -> Similarity {
    let valid = a.row_len() - margin::<C>();
    let terms = Terms::new(a.peak);
    let mut buffers = Buffers::new(STRIP + margin::<C>());
    // A row is added up from left to right, strip after strip.
    let mut sums: Vec<Sums> = vec![[[0.0; LANES]; 2]; a.height - TAPS + 1];
    for left in (0..valid).step_by(STRIP) {
        strip::<C>([a, b], left, STRIP.min(valid - left), &terms, &mut buffers, &mut sums);
    }
    let mut totals = Totals::default();
    for sums in &sums {
        totals.add(sums);
    }
    totals.finish(C, sums.len() * (valid / C))
}

/// Samples that a row of places is shorter than a row of the image.
const fn margin<const C: usize>() -> usize {
    (TAPS - 1) * C
}

impl Buffers {
    fn new(samples: usize) -> Self {
        let row = |len: usize| -> Row { std::array::from_fn(|_| vec![0.0; len]) };
        let pair = || -> Pair { std::array::from_fn(|_| vec![Lines([[0.0; LINE]; 2]); STRIP / LINE]) };
        Self {
            a: vec![0.0; samples],
            b: vec![0.0; samples],
            products: row(samples),
            ring: std::array::from_fn(|_| pair()),
            places: [row(STRIP), row(STRIP)],
        }
    }
}

/// Adds the places from `left` on to the sums of their rows.
#[target_feature(enable = "avx2,fma")]
fn strip<const C: usize>(
    [a, b]: [&Image<'_>; 2],
    left: usize,
    places: usize,
    terms: &Terms,
    buffers: &mut Buffers,
    sums: &mut [Sums],
) {
    let window = window();
    let (samples, lines) = (places + margin::<C>(), places.div_ceil(LINE));
    for y in 0..a.height {
        a.read_row(y, left, &mut buffers.a[..samples]);
        b.read_row(y, left, &mut buffers.b[..samples]);
        multiply(&buffers.a[..samples], &buffers.b[..samples], terms.middle, &mut buffers.products);
        let pair = &mut buffers.ring[y / 2 % (RING / 2)];
        for (product, pair) in buffers.products.iter().zip(pair) {
            match y % 2 {
                0 => filter_along::<C, 0>(product, window, &mut pair[..lines]),
                _ => filter_along::<C, 1>(product, window, &mut pair[..lines]),
            }
        }
        if y >= TAPS && (y - TAPS).is_multiple_of(2) {
            filter_across(buffers, y - TAPS, lines, window);
            terms.add(&buffers.places[0], places, &mut sums[y - TAPS]);
            terms.add(&buffers.places[1], places, &mut sums[y - TAPS + 1]);
        }
    }
    // An odd number of rows of places leaves the last one.
    let last = sums.len() - 1;
    if last.is_multiple_of(2) {
        filter_across(buffers, last, lines, window);
        terms.add(&buffers.places[0], places, &mut sums[last]);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn weights([w0, w1, w2, w3, w4, w5]: Window) -> Weights {
    [
        _mm256_set1_ps(w0),
        _mm256_set1_ps(w1),
        _mm256_set1_ps(w2),
        _mm256_set1_ps(w3),
        _mm256_set1_ps(w4),
        _mm256_set1_ps(w5),
    ]
}

/// Filters a row into the upper (0) or lower (1) of a pair. What lies behind the row only reaches places that are not counted.
///
/// Never inline: among the registers of the caller the weights find none, and are loaded again for every line.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn filter_along<const C: usize, const WHICH: usize>(row: &[f32], window: Window, out: &mut [Lines]) {
    let weights = weights(window);
    for (at, out) in out.iter_mut().enumerate() {
        let taps = &row[at * LINE..][..margin::<C>() + LINE];
        let taps = [
            line(taps, 0),
            line(taps, C),
            line(taps, 2 * C),
            line(taps, 3 * C),
            line(taps, 4 * C),
            line(taps, 5 * C),
            line(taps, 6 * C),
            line(taps, 7 * C),
            line(taps, 8 * C),
            line(taps, 9 * C),
            line(taps, 10 * C),
        ];
        store(&mut out.0[WHICH], weighted_sum(taps, &weights));
    }
}

/// Filters two rows of places, of which `first` is the upper.
#[target_feature(enable = "avx2,fma")]
fn filter_across(buffers: &mut Buffers, first: usize, lines: usize, window: Window) {
    let [upper, lower] = &mut buffers.places;
    for (map, (upper, lower)) in upper.iter_mut().zip(lower).enumerate() {
        let pairs = std::array::from_fn(|tap| &*buffers.ring[(first / 2 + tap) % (RING / 2)][map]);
        let (upper, lower) = (upper.as_chunks_mut().0, lower.as_chunks_mut().0);
        filter_pairs(&pairs, window, &mut upper[..lines], &mut lower[..lines]);
    }
}

/// What bounds the filter is loading, and two rows of places share all rows but two. Never inline: see [`filter_along`].
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn filter_pairs(
    pairs: &[&[Lines]; RING / 2],
    window: Window,
    upper: &mut [[f32; LINE]],
    lower: &mut [[f32; LINE]],
) {
    let weights = weights(window);
    let [p0, p1, p2, p3, p4, p5] = *pairs;
    let lines = upper.len();
    let (p0, p1, p2) = (&p0[..lines], &p1[..lines], &p2[..lines]);
    let (p3, p4, p5, lower) = (&p3[..lines], &p4[..lines], &p5[..lines], &mut lower[..lines]);
    for at in 0..lines {
        let ([r0, r1], [r2, r3], [r4, r5]) = (&p0[at].0, &p1[at].0, &p2[at].0);
        let ([r6, r7], [r8, r9], [r10, r11]) = (&p3[at].0, &p4[at].0, &p5[at].0);
        let (r0, r1, r2, r3) = (load(r0), load(r1), load(r2), load(r3));
        let (r4, r5, r6, r7) = (load(r4), load(r5), load(r6), load(r7));
        let (r8, r9, r10, r11) = (load(r8), load(r9), load(r10), load(r11));
        store(&mut upper[at], weighted_sum([r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10], &weights));
        store(&mut lower[at], weighted_sum([r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11], &weights));
    }
}

/// As [`super::weighted_sum`], eight at once.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn weighted_sum(taps: [__m256; TAPS], weights: &Weights) -> __m256 {
    let [t0, t1, t2, t3, t4, middle, t6, t7, t8, t9, t10] = taps;
    let [w0, w1, w2, w3, w4, w5] = *weights;
    let sum = _mm256_mul_ps(w5, middle);
    let sum = _mm256_fmadd_ps(_mm256_add_ps(t4, t6), w4, sum);
    let sum = _mm256_fmadd_ps(_mm256_add_ps(t3, t7), w3, sum);
    let sum = _mm256_fmadd_ps(_mm256_add_ps(t2, t8), w2, sum);
    let sum = _mm256_fmadd_ps(_mm256_add_ps(t1, t9), w1, sum);
    _mm256_fmadd_ps(_mm256_add_ps(t0, t10), w0, sum)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn line(samples: &[f32], at: usize) -> __m256 {
    load(samples[at..].first_chunk().expect("invariant: a line reaches no further than its taps"))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(line: &[f32; LINE]) -> __m256 {
    // SAFETY: the array holds as many floats as a register; their address may be any.
    unsafe { _mm256_loadu_ps(line.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(line: &mut [f32; LINE], values: __m256) {
    // SAFETY: as in `load`.
    unsafe { _mm256_storeu_ps(line.as_mut_ptr(), values) }
}
