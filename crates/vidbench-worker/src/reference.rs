//! The reference set of `frechet_shapes`: rendered clips as the classifier sees them.

use std::ops::Range;
use std::thread;

use vidbench_core::ErrorKind;
use vidbench_core::protocol::RpcError;
use vidbench_metrics::ReferenceSet;
use vidbench_metrics::frechet_shapes::{REFERENCE_COUNT, REFERENCE_SET, ShapesClassifier, reference_clip};

/// The classifier that ships, as the bytes of its ONNX file.
pub static SHAPES_CLASSIFIER: &[u8] = include_bytes!("../../../nets/embedded/classifier.onnx");

/// Most threads that are taken.
const MAX_THREADS: usize = 64;

/// Renders the reference clips and computes their features, in the order of the set, on 1 to 64 threads.
///
/// The result is the same for every number of threads. It is worth keeping under its net and set:
/// [`shapes_net`] gives the net without this work.
///
/// # Errors
///
/// `invalid_request` for a number of threads out of range, `internal` when the classifier does not load or run.
pub fn reference_features(classifier_graph: &[u8], threads: usize) -> Result<ReferenceSet, RpcError> {
    if !(1..=MAX_THREADS).contains(&threads) {
        let message = format!("threads must be in 1..={MAX_THREADS}, got {threads}");
        return Err(RpcError::new(ErrorKind::InvalidRequest, message));
    }
    let share = REFERENCE_COUNT.div_ceil(threads);
    let parts = (0..REFERENCE_COUNT).step_by(share).map(|start| start..(start + share).min(REFERENCE_COUNT));
    let parts: Vec<Result<Part, RpcError>> = thread::scope(|scope| {
        let started: Vec<_> = parts.map(|part| scope.spawn(|| features(classifier_graph, part))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(internal("a reference set thread panicked")))
        };
        started.into_iter().map(join).collect()
    });
    let mut reference = ReferenceSet { net: String::new(), set: REFERENCE_SET.into(), features: Vec::new() };
    for part in parts {
        let part = part?;
        reference.net = part.net;
        reference.features.extend(part.features);
    }
    Ok(reference)
}

/// Net and weights of the classifier, `shapes-classifier@` and the first 12 digits of the graph's SHA-256.
///
/// # Errors
///
/// `internal` when the graph does not load.
pub fn shapes_net(classifier_graph: &[u8]) -> Result<String, RpcError> {
    load(classifier_graph).map(|classifier| classifier.net().to_owned())
}

struct Part {
    net: String,
    features: Vec<Vec<f32>>,
}

fn features(classifier_graph: &[u8], clips: Range<usize>) -> Result<Part, RpcError> {
    // One for each thread: a session is not meant to be shared.
    let classifier = load(classifier_graph)?;
    let features = clips.filter_map(reference_clip).map(|clip| classifier.features(&clip));
    let features = features.collect::<Result<_, _>>().map_err(|error| internal(error.to_string()))?;
    Ok(Part { net: classifier.net().to_owned(), features })
}

pub(crate) fn load(classifier_graph: &[u8]) -> Result<ShapesClassifier, RpcError> {
    ShapesClassifier::load(classifier_graph).map_err(|error| {
        internal(format!("the shapes classifier does not load: {}", vidbench_core::with_causes(&error)))
    })
}

fn internal(message: impl Into<String>) -> RpcError {
    RpcError::new(ErrorKind::Internal, message)
}
