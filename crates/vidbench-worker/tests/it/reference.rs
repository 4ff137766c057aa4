//! The reference set through a net whose features can be computed by hand.

use vidbench_core::ErrorKind;
use vidbench_metrics::frechet_shapes::{REFERENCE_COUNT, REFERENCE_SET, reference_clip};
use vidbench_worker::{reference_features, shapes_net};

use crate::mean_net;

#[test]
fn the_reference_set_is_in_order_and_the_same_for_every_number_of_threads() {
    let graph = mean_net::graph();
    let one = reference_features(&graph, 1).unwrap();
    assert_eq!(one.set, REFERENCE_SET);
    assert_eq!(one.net, shapes_net(&graph).unwrap());
    assert_eq!(one.features.len(), REFERENCE_COUNT);
    for index in [0, 383, 384, 1151] {
        let expected = mean_net::features(&reference_clip(index).unwrap());
        for (found, expected) in one.features[index].iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "clip {index}: {found} is not {expected}");
        }
    }
    assert_eq!(reference_features(&graph, 3).unwrap(), one);
    // More threads than divide the set evenly: the last part is shorter.
    assert_eq!(reference_features(&graph, 5).unwrap(), one);
}

#[test]
fn a_number_of_threads_out_of_range_is_refused() {
    for threads in [0, 65] {
        let error = reference_features(&mean_net::graph(), threads).unwrap_err();
        assert_eq!(error.data.kind, ErrorKind::InvalidRequest);
        assert_eq!(error.to_string(), format!("threads must be in 1..=64, got {threads}"));
    }
}

#[test]
fn a_graph_that_does_not_load_is_an_error_and_no_reference() {
    let error = reference_features(b"not a graph", 2).unwrap_err();
    assert_eq!(error.data.kind, ErrorKind::Internal);
    assert!(error.message.starts_with("the shapes classifier does not load: "), "{error}");
}
