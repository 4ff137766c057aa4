use std::error::Error as _;

use vidbench_nn::{DType, InputSpec, MAX_THREADS, NnError, Runtime, Session, SessionOptions, Tensor};

use crate::graphs::{Axis, BOOL, F32, difference_and_copy, model, node, port};

const TRACT: SessionOptions = SessionOptions::on_cpu(1, Runtime::Tract);

/// Inputs of [`difference_and_copy`], in another order than the graph's.
fn specs() -> [InputSpec; 3] {
    [
        InputSpec::new("c", DType::I64, [3]),
        InputSpec::new("b", DType::F32, [1, 2]),
        InputSpec::new("a", DType::F32, [1, 2]),
    ]
}

fn tensors() -> [Tensor; 3] {
    [
        Tensor::i64([3], vec![7, -8, 1 << 40]).unwrap(),
        Tensor::f32([1, 2], vec![1.0, 10.0]).unwrap(),
        Tensor::f32([1, 2], vec![5.0, 5.0]).unwrap(),
    ]
}

fn load_message(specs: &[InputSpec]) -> String {
    Session::load(&difference_and_copy(), specs, &TRACT).unwrap_err().to_string()
}

#[test]
fn inputs_go_by_name_and_outputs_come_in_the_graphs_order() {
    let session = Session::load(&difference_and_copy(), &specs(), &TRACT).unwrap();
    let outputs = session.run(&tensors()).unwrap();
    assert_eq!(outputs[0], Tensor::f32([1, 2], vec![4.0, -5.0]).unwrap());
    assert_eq!(outputs[1], Tensor::i64([3], vec![7, -8, 1 << 40]).unwrap());
}

#[test]
fn a_session_knows_its_graph_and_inputs() {
    let graph = difference_and_copy();
    let session = Session::load(&graph, &specs(), &TRACT).unwrap();
    assert_eq!(session.graph_sha256(), vidbench_core::sha256_hex(&graph));
    assert_eq!(session.inputs(), specs());
}

#[test]
fn a_session_can_be_shared_between_threads() {
    let session = Session::load(&difference_and_copy(), &specs(), &TRACT).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(session.run(&tensors()).unwrap().len(), 2));
        }
    });
}

#[test]
fn the_tract_version_is_the_locked_one() {
    let session = Session::load(&difference_and_copy(), &specs(), &TRACT).unwrap();
    let lock = include_str!("../../../../Cargo.lock");
    let version =
        lock.split_once("name = \"tract-onnx\"\nversion = \"").unwrap().1.split_once('"').unwrap().0;
    assert_eq!(session.runtime_name(), format!("tract {version}"));
}

#[test]
fn an_input_the_graph_lacks_is_named_with_those_it_has() {
    let mut wrong = specs();
    wrong[0].name = "noise".into();
    assert_eq!(load_message(&wrong), "graph has no input \"noise\"; it has a, b, c");
    wrong[0].name = "a".into();
    assert_eq!(load_message(&wrong), "graph has no input \"a\"; it has a, b, c", "a name twice");
    assert_eq!(load_message(&specs()[..2]), "graph takes 3 inputs (a, b, c), got 2");
}

/// The cause below "cannot load the graph", which comes in each runtime's own notation.
fn load_cause(spec: InputSpec, options: &SessionOptions) -> String {
    let mut wrong = specs();
    wrong[2] = spec;
    let error = Session::load(&difference_and_copy(), &wrong, options).unwrap_err();
    assert!(error.to_string().ends_with("cannot load the graph"), "{error}");
    error.source().unwrap().to_string()
}

#[test]
fn a_type_or_shape_that_does_not_fit_the_graph_is_refused_at_load() {
    refuses_what_does_not_fit(&TRACT);
}

pub(crate) fn refuses_what_does_not_fit(options: &SessionOptions) {
    for (dtype, shape, asked) in [
        (DType::F32, vec![1, 3], "f32 [1, 3]"),
        (DType::F32, vec![2], "f32 [2]"),
        (DType::I64, vec![1, 2], "i64 [1, 2]"),
    ] {
        let cause = load_cause(InputSpec::new("a", dtype, shape), options);
        assert!(cause.starts_with("input \"a\" is "), "{cause}");
        assert!(cause.ends_with(&format!("in the graph, {asked} was requested")), "{cause}");
    }
}

#[test]
fn tensors_of_another_shape_type_or_number_are_refused() {
    let session = Session::load(&difference_and_copy(), &specs(), &TRACT).unwrap();
    let mut wrong = tensors();
    wrong[2] = Tensor::f32([2, 1], vec![0.0; 2]).unwrap();
    let message = session.run(&wrong).unwrap_err().to_string();
    assert_eq!(message, "input \"a\" is f32 [2, 1], but the session was loaded for f32 [1, 2]");
    wrong[2] = Tensor::i64([1, 2], vec![0; 2]).unwrap();
    let message = session.run(&wrong).unwrap_err().to_string();
    assert_eq!(message, "input \"a\" is i64 [1, 2], but the session was loaded for f32 [1, 2]");
    let message = session.run(&tensors()[..1]).unwrap_err().to_string();
    assert_eq!(message, "graph takes 3 inputs (c, b, a), got 1");
}

#[test]
fn threads_have_bounds() {
    for threads in [0, MAX_THREADS + 1] {
        let options = SessionOptions::on_cpu(threads, Runtime::Tract);
        let error = Session::load(&difference_and_copy(), &specs(), &options).unwrap_err();
        assert_eq!(error.to_string(), format!("threads must be in 1..=256, got {threads}"));
    }
}

#[test]
fn bytes_that_are_no_graph_are_an_error_with_the_runtimes_words() {
    let graph = difference_and_copy();
    for bytes in [&b"not a graph"[..], &[], &graph[..graph.len() / 2], &graph[..graph.len() - 9]] {
        let error = Session::load(bytes, &specs(), &TRACT).unwrap_err();
        assert!(matches!(error, NnError::Load { .. } | NnError::InputCount { .. }), "{error}");
    }
    let error = Session::load(b"not a graph", &specs(), &TRACT).unwrap_err();
    assert!(!error.source().unwrap().to_string().is_empty());
}

#[test]
fn an_operator_no_runtime_has_is_an_error() {
    let axes = || vec![Axis::Fixed(2)];
    let graph = model(
        &[node("NoSuchOperator", &["x"], "y")],
        &[],
        &[port("x", F32, axes())],
        &[port("y", F32, axes())],
    );
    let error = Session::load(&graph, &[InputSpec::new("x", DType::F32, [2])], &TRACT).unwrap_err();
    assert!(matches!(error, NnError::Load { .. }), "{error}");
}

#[test]
fn an_output_of_another_type_is_named() {
    let axes = || vec![Axis::Fixed(2)];
    let graph = model(
        &[node("Greater", &["x", "x"], "y")],
        &[],
        &[port("x", F32, axes())],
        &[port("y", BOOL, axes())],
    );
    let session = Session::load(&graph, &[InputSpec::new("x", DType::F32, [2])], &TRACT).unwrap();
    let error = session.run(&[Tensor::f32([2], vec![0.0; 2]).unwrap()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "output 0 of the graph has element type Bool; only f32 and i64 are supported"
    );
}
