//! Tables of positions that video nets add to their patches: sines and cosines, not trained.

use vidbench_nn::Tensor;

/// Patches along a side of UMT's and of VideoMAE's images, frames of UMT's table, pairs of frames of VideoMAE's.
const UMT_SIDE: usize = 14;
const UMT_WIDTH: usize = 1024;
const UMT_FRAMES: usize = 16;
const VIDEOMAE_SIDE: usize = 16;
const VIDEOMAE_WIDTH: usize = 1408;
const TABLE_FRAMES: usize = 8;

/// UMT ViT-L/16: a table for 8 frames, stretched to 16 by linear interpolation, as torch's `interpolate` does.
pub(super) fn umt() -> Tensor {
    let plane = UMT_SIDE * UMT_SIDE * UMT_WIDTH;
    let table = sines(TABLE_FRAMES * UMT_SIDE * UMT_SIDE, UMT_WIDTH);
    let ratio = TABLE_FRAMES as f32 / UMT_FRAMES as f32;
    let frame = |at: usize| {
        let place = ((at as f32 + 0.5) * ratio - 0.5).max(0.0);
        let below = place as usize;
        let above = (below + 1).min(TABLE_FRAMES - 1);
        let share = place - below as f32;
        let (below, above) = (&table[below * plane..][..plane], &table[above * plane..][..plane]);
        below
            .iter()
            .zip(above)
            .map(move |(below, above)| (1.0 - share) * below + share * above)
            .collect::<Vec<f32>>()
    };
    let values = (0..UMT_FRAMES).flat_map(frame).collect();
    Tensor::f32([1, UMT_FRAMES * UMT_SIDE * UMT_SIDE, UMT_WIDTH], values)
        .expect("invariant: the table fills its shape")
}

/// VideoMAE v2 ViT-g/14: pairs of frames, then rows, then columns.
pub(super) fn videomae() -> Tensor {
    let places = TABLE_FRAMES * VIDEOMAE_SIDE * VIDEOMAE_SIDE;
    Tensor::f32([1, places, VIDEOMAE_WIDTH], sines(places, VIDEOMAE_WIDTH))
        .expect("invariant: the table fills its shape")
}

/// `sin(p / 10000^(2 i / width))` followed by the cosine, for each position p.
fn sines(places: usize, width: usize) -> Vec<f32> {
    let angle =
        |place: usize, at: usize| place as f64 / 10_000_f64.powf((2 * (at / 2)) as f64 / width as f64);
    let value = |place: usize, at: usize| match at % 2 {
        0 => angle(place, at).sin() as f32,
        _ => angle(place, at).cos() as f32,
    };
    (0..places).flat_map(|place| (0..width).map(move |at| value(place, at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_is_zero_and_one_in_turn() {
        let table = sines(2, 4);
        assert_eq!(table[..4], [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(table[4..6], [1_f64.sin() as f32, 1_f64.cos() as f32]);
        assert_eq!(table[6], 0.01_f64.sin() as f32);
    }

    #[test]
    fn a_stretched_table_keeps_its_ends_and_mixes_between() {
        let (umt, table) = (umt(), sines(TABLE_FRAMES * 196, UMT_WIDTH));
        let (values, plane) = (umt.as_f32().unwrap(), 196 * UMT_WIDTH);
        assert_eq!(values[..plane], table[..plane]);
        assert_eq!(values[15 * plane..], table[7 * plane..]);
        let mixed = 0.75 * table[5] + 0.25 * table[plane + 5];
        assert!((values[plane + 5] - mixed).abs() < 1e-6);
    }
}
