use expect_test::expect;
use vidbench_metrics::{Features, MAX_DIMS};

fn refusal(rows: &[Vec<f32>]) -> String {
    Features::new(rows.iter().map(Vec::as_slice)).unwrap_err().to_string()
}

#[test]
fn features_that_cannot_be_used_are_named() {
    let rows = |values: &[&[f32]]| values.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    expect!["0 clips with features, at least 2 are needed"].assert_eq(&refusal(&[]));
    expect!["1 clips with features, at least 2 are needed"].assert_eq(&refusal(&rows(&[&[1.0]])));
    expect!["features of 0 dimensions, 1 to 4096 are taken"].assert_eq(&refusal(&rows(&[&[], &[]])));
    expect!["features of 4097 dimensions, 1 to 4096 are taken"].assert_eq(&refusal(&vec![
        vec![
            0.0;
            MAX_DIMS + 1
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
}

#[test]
fn count_and_dims_are_those_of_the_rows() {
    let rows = [vec![1.0_f32; 3], vec![2.0; 3]];
    let features = Features::new(rows.iter().map(Vec::as_slice)).unwrap();
    assert_eq!((features.count(), features.dims(), features.gaussian().dims()), (2, 3, 3));
}
