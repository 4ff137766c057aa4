//! A net without weights that stands for the classifier: an ONNX file built by hand.
//!
//! `features[k]` is the mean of the `k`-th of 64 equal parts of the clip `[1, 16, 3, 64, 64]`, so every expected value can be
//! computed without a runtime.

/// Length of a part: 16 * 3 * 64 * 64 / 64.
const PART: usize = 3072;

/// The bytes of the ONNX file.
pub(crate) fn graph() -> Vec<u8> {
    let parts = tensor_i64("parts", &[1, 64, PART as u64]);
    let reshape = node("Reshape", &["clip", "parts"], "rows", &[]);
    let mean = node("ReduceMean", &["rows"], "features", &[ints("axes", &[2]), int("keepdims", 0)]);
    let graph = [
        field(1, &reshape),
        field(1, &mean),
        field(2, b"mean"),
        field(5, &parts),
        field(11, &value("clip", &[1, 16, 3, 64, 64])),
        field(12, &value("features", &[1, 64])),
    ];
    [number(1, 8), field(7, &graph.concat()), field(8, &number(2, 17))].concat()
}

/// The features of a clip, computed from its bytes; a runtime's sum of 3,072 numbers in 32-bit floats is within 1e-4 of them.
pub(crate) fn features(frames: &vidbench_core::FramesU8) -> Vec<f64> {
    let planes = frames.iter().flat_map(|frame| (0..3).flat_map(move |c| frame.iter().skip(c).step_by(3)));
    let values: Vec<f64> = planes.map(|value| f64::from(*value) / 255.0).collect();
    values.chunks(PART).map(|part| part.iter().sum::<f64>() / PART as f64).collect()
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
    bytes.extend(field(2, output.as_bytes()));
    bytes.extend(field(3, op.as_bytes()));
    bytes.extend(field(4, op.as_bytes()));
    bytes.extend(attributes.iter().flat_map(|attribute| field(5, attribute)));
    bytes
}

fn int(name: &str, value: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    [field(1, name.as_bytes()), values, number(20, 7)].concat()
}

fn tensor_i64(name: &str, values: &[u64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [number(1, values.len() as u64), number(2, 7), field(8, name.as_bytes()), field(9, &data)].concat()
}

fn value(name: &str, shape: &[u64]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|extent| field(1, &number(1, *extent))).collect();
    let tensor = [number(1, 1), field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// A length-delimited field of a protocol buffer.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A numeric field of a protocol buffer.
fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
