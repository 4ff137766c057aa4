use expect_test::expect;
use vidbench_metrics::{FeatureMatrix, FeatureShard, MAX_DIMS, Precision};

use crate::numpy::RandomState;

fn refusal(rows: &[Vec<f32>]) -> String {
    FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice)).unwrap_err().to_string()
}

#[test]
fn features_that_cannot_be_used_are_named() {
    let rows = |values: &[&[f32]]| values.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    expect!["0 clips with features, but at least 2 are needed"].assert_eq(&refusal(&[]));
    expect!["features have 0 dimensions, 1 to 4096 are supported"].assert_eq(&refusal(&rows(&[&[], &[]])));
    expect!["features have 4097 dimensions, 1 to 4096 are supported"].assert_eq(&refusal(&vec![
        vec![
            0.0;
            MAX_DIMS
                + 1
        ];
        2
    ]));
    expect!["features of clip 2 have 1 dimensions, those of clip 0 have 2"].assert_eq(&refusal(&rows(&[
        &[1.0, 2.0],
        &[1.0, 3.0],
        &[1.0],
    ])));
    expect!["feature 1 of clip 1 is NaN"].assert_eq(&refusal(&rows(&[&[1.0, 2.0], &[1.0, f32::NAN]])));
    expect!["feature 0 of clip 0 is -inf"].assert_eq(&refusal(&rows(&[&[f32::NEG_INFINITY], &[1.0]])));
    let count = |rows, dims| FeatureMatrix::f64(rows, dims, vec![0.0; 6]).unwrap_err().to_string();
    expect!["6 values do not fill 2 rows of 4"].assert_eq(&count(2, 4));
    expect!["6 values do not fill 18446744073709551615 rows of 2"].assert_eq(&count(usize::MAX, 2));
}

#[test]
fn a_matrix_keeps_its_precision_and_one_row_is_a_matrix() {
    let single = FeatureMatrix::f32(1, 2, vec![0.1, 0.2]).unwrap();
    assert_eq!((single.count(), single.dims(), single.precision()), (1, 2, Precision::F32));
    assert_eq!(single.to_f64(), [f64::from(0.1_f32), f64::from(0.2_f32)]);
    let double = FeatureMatrix::f64(2, 1, vec![0.1, 0.2]).unwrap();
    assert_eq!((double.precision(), double.to_f64()), (Precision::F64, vec![0.1, 0.2]));
}

#[test]
fn rows_belong_to_clips_of_which_each_has_some() {
    let matrix = FeatureMatrix::f32(5, 1, vec![0.0; 5]).unwrap();
    assert_eq!((matrix.clips(), matrix.rows_of_clips()), (5, None));
    let frames = matrix.clone().of_clips(vec![2, 3]).unwrap();
    assert_eq!((frames.count(), frames.clips(), frames.rows_of_clips()), (5, 2, Some(&[2, 3][..])));
    assert_eq!(matrix.clone().of_clips(vec![1; 5]).unwrap(), matrix);
    let refusal = |rows: &[usize]| matrix.clone().of_clips(rows.to_vec()).unwrap_err().to_string();
    assert_eq!(refusal(&[2, 2]), "5 rows do not match 2 clips");
    assert_eq!(refusal(&[5, 0]), "5 rows do not match 2 clips");
}

fn shards(count: usize, rows: &[Vec<f32>]) -> Vec<FeatureShard<usize>> {
    let mut shards: Vec<FeatureShard<usize>> = (0..count).map(|_| FeatureShard::new()).collect();
    for (key, row) in rows.iter().enumerate() {
        // The rows are distributed neither in turn nor in blocks.
        shards[(key * key + key / 3) % count].insert(key, row.clone()).unwrap();
    }
    shards
}

#[test]
fn shards_in_any_number_and_order_give_the_bits_of_one_pass() {
    let rows = RandomState::new(1).normals(50, 5, 1.0, 0.5);
    let whole = shards(1, &rows).remove(0).matrix().unwrap();
    assert_eq!(whole, FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice)).unwrap());
    for count in [2, 7] {
        for reversed in [false, true] {
            let mut parts = shards(count, &rows);
            if reversed {
                parts.reverse();
            }
            let mut joined = FeatureShard::new();
            parts.into_iter().for_each(|part| joined.merge(part).unwrap());
            assert_eq!(joined.count(), 50);
            assert_eq!(joined.matrix().unwrap(), whole, "{count} shards, reversed: {reversed}");
        }
    }
}

#[test]
fn a_clip_in_two_shards_is_named_and_the_first_row_stays() {
    let mut shard = FeatureShard::new();
    shard.insert("a.mp4", vec![1.0]).unwrap();
    assert_eq!(
        shard.insert("a.mp4", vec![2.0]).unwrap_err().to_string(),
        "two rows of features have the key \"a.mp4\""
    );
    let mut other = FeatureShard::new();
    other.insert("a.mp4", vec![3.0]).unwrap();
    assert!(shard.merge(other).is_err());
    assert_eq!(shard.matrix().unwrap().to_f64(), [1.0]);
}
