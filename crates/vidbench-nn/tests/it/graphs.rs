//! Small ONNX files as bytes: just enough of the protobuf encoding (onnx.proto) to describe a graph.

pub(crate) const F32: u64 = 1;
pub(crate) const I64: u64 = 7;
pub(crate) const BOOL: u64 = 9;

/// An axis: fixed, or open under a name.
pub(crate) enum Axis {
    Fixed(u64),
    Open(&'static str),
}

pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) dtype: u64,
    pub(crate) axes: Vec<Axis>,
}

pub(crate) fn port(name: &'static str, dtype: u64, axes: Vec<Axis>) -> Port {
    Port { name, dtype, axes }
}

pub(crate) fn node(op: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = inputs.iter().flat_map(|name| text(1, name)).collect();
    bytes.extend(text(2, output));
    bytes.extend(text(4, op));
    bytes
}

pub(crate) fn weights(name: &str, shape: &[u64], values: &[f32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = shape.iter().flat_map(|extent| number(1, *extent)).collect();
    bytes.extend(number(2, F32));
    bytes.extend(text(8, name));
    bytes.extend(field(9, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()));
    bytes
}

pub(crate) fn model(
    nodes: &[Vec<u8>],
    initializers: &[Vec<u8>],
    inputs: &[Port],
    outputs: &[Port],
) -> Vec<u8> {
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| field(1, node)).collect();
    graph.extend(text(2, "g"));
    graph.extend(initializers.iter().flat_map(|tensor| field(5, tensor)));
    graph.extend(inputs.iter().flat_map(|port| field(11, &value_info(port))));
    graph.extend(outputs.iter().flat_map(|port| field(12, &value_info(port))));
    let mut bytes = number(1, 8);
    bytes.extend(field(7, &graph));
    bytes.extend(field(8, &number(2, 17)));
    bytes
}

/// `difference = a - b` and `copy = c`, with an open first axis: two floats and integers.
pub(crate) fn difference_and_copy() -> Vec<u8> {
    let row = || vec![Axis::Open("n"), Axis::Fixed(2)];
    let integers = || vec![Axis::Open("m")];
    model(
        &[node("Sub", &["a", "b"], "difference"), node("Identity", &["c"], "copy")],
        &[],
        &[port("a", F32, row()), port("b", F32, row()), port("c", I64, integers())],
        &[port("difference", F32, row()), port("copy", I64, integers())],
    )
}

/// Two layers with a softmax: `[256, 192]` to `[256, 192]`, large enough that a runtime splits the work.
pub(crate) fn two_layers() -> Vec<u8> {
    let square: Vec<f32> = (0_u32..192 * 192).map(|i| (i as f32 * 0.618).sin() * 0.2).collect();
    let shape = || vec![Axis::Fixed(256), Axis::Fixed(192)];
    model(
        &[
            node("MatMul", &["x", "w"], "h"),
            node("Softmax", &["h"], "p"),
            node("Sigmoid", &["h"], "s"),
            node("Mul", &["h", "s"], "silu"),
            node("MatMul", &["silu", "w"], "g"),
            node("Add", &["g", "p"], "y"),
        ],
        &[weights("w", &[192, 192], &square)],
        &[port("x", F32, shape())],
        &[port("y", F32, shape())],
    )
}

fn value_info(port: &Port) -> Vec<u8> {
    let axes = port.axes.iter().flat_map(|axis| {
        field(
            1,
            &match axis {
                Axis::Fixed(extent) => number(1, *extent),
                Axis::Open(name) => text(2, name),
            },
        )
    });
    let mut tensor = number(1, port.dtype);
    tensor.extend(field(2, &axes.collect::<Vec<_>>()));
    let mut bytes = text(1, port.name);
    bytes.extend(field(2, &field(1, &tensor)));
    bytes
}

fn field(tag: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = varint(tag << 3 | 2);
    bytes.extend(varint(payload.len() as u64));
    bytes.extend(payload);
    bytes
}

fn text(tag: u64, text: &str) -> Vec<u8> {
    field(tag, text.as_bytes())
}

fn number(tag: u64, value: u64) -> Vec<u8> {
    let mut bytes = varint(tag << 3);
    bytes.extend(varint(value));
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
