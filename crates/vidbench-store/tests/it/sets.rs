//! Set scores and reference features.

use vidbench_core::{Score, SetScore};
use vidbench_store::StoreError;

use crate::fixtures::{metric, model, store, store_with_run};

fn set_score(name: &str, score: Score) -> SetScore {
    SetScore {
        metric: metric(name),
        model: model(),
        params_index: 2,
        score,
        interval: Some((0.1, 0.1 + 0.2)),
        n: 256,
        dims: 64,
        underpowered: true,
        floor: Some(1e-300),
    }
}

#[test]
fn set_scores_are_replaced_and_keep_their_order() {
    let (_folder, store, run) = store_with_run(1);
    let missing =
        SetScore { interval: None, floor: None, ..set_score("z@1", Score::not_available("two clips")) };
    let scores = [missing, set_score("a@1", Score::Value(0.1 + 0.2))];
    store.save_set_scores(&run.id, &[set_score("old@1", Score::Value(1.0))]).unwrap();
    store.save_set_scores(&run.id, &scores).unwrap();
    assert_eq!(store.run_data(&run.id).unwrap().set_scores, scores);
}

#[test]
fn set_scores_that_cannot_be_kept_leave_the_old_ones() {
    let (_folder, store, run) = store_with_run(1);
    let good = [set_score("a@1", Score::Value(1.0))];
    store.save_set_scores(&run.id, &good).unwrap();
    let nan = SetScore { interval: Some((f64::NAN, 1.0)), ..good[0].clone() };
    for bad in [vec![good[0].clone(), nan], vec![good[0].clone(), good[0].clone()]] {
        assert!(store.save_set_scores(&run.id, &bad).is_err());
        assert_eq!(store.run_data(&run.id).unwrap().set_scores, good);
    }
}

#[test]
fn reference_features_are_kept_per_net_and_set() {
    let (_folder, store) = store();
    assert_eq!(store.reference_features("net@1", "set@1").unwrap(), None);
    let features = vec![vec![0.1, -0.0], vec![f32::MAX, f32::MIN_POSITIVE]];
    store.put_reference_features("net@1", "set@1", &[vec![1.0]]).unwrap();
    store.put_reference_features("net@1", "set@1", &features).unwrap();
    store.put_reference_features("net@2", "set@1", &[]).unwrap();
    store.put_reference_features("net@3", "set@1", &[vec![], vec![]]).unwrap();
    let read = store.reference_features("net@1", "set@1").unwrap().unwrap();
    let bits =
        |vectors: &[Vec<f32>]| vectors.iter().flatten().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read), bits(&features));
    assert_eq!(store.reference_features("net@2", "set@1").unwrap(), Some(vec![]));
    assert_eq!(store.reference_features("net@3", "set@1").unwrap(), Some(vec![vec![], vec![]]));
    assert_eq!(store.reference_features("net@1", "set@2").unwrap(), None);
}

#[test]
fn ragged_or_infinite_reference_features_are_refused() {
    let (_folder, store) = store();
    for bad in [vec![vec![1.0], vec![1.0, 2.0]], vec![vec![f32::NAN]]] {
        let error = store.put_reference_features("net@1", "set@1", &bad).unwrap_err();
        assert!(matches!(error, StoreError::Unstorable { .. }), "{error}");
    }
    assert_eq!(store.reference_features("net@1", "set@1").unwrap(), None);
}
