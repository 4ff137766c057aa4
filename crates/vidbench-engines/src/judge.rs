//! Judging what a worker writes: messages, the order of notifications, and whether results fit their request.
//!
//! Pure: values in, the broken rule out, as text.

mod progress;
mod result;

use serde::de::DeserializeOwned;
use serde_json::Value;
use vidbench_core::protocol::{Message, RpcError, method};

use crate::Notification;
pub(crate) use progress::Progress;
pub(crate) use result::{generate_result, load_result, score_result, span_order};

/// One line of a worker, understood.
#[derive(Debug)]
pub(crate) enum Said {
    Notification(Notification),
    /// An answer to the request of that id; `None` is a null or absent id.
    Answer {
        id: Option<Value>,
        result: Result<Value, RpcError>,
    },
}

/// Reads a line as a message of the protocol; the error says which rule it breaks.
pub(crate) fn parse(line: &[u8]) -> Result<Said, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    if !value.is_object() {
        return Err("not a message: not an object".into());
    }
    // Parsed from the text and not from `value`, which no longer shows that a field came twice.
    let message: Message = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(line))
        .map_err(|error| format!("not a message: {error}"))?;
    if message.jsonrpc != "2.0" {
        return Err("jsonrpc is not \"2.0\"".into());
    }
    let Message { id, method, params, result, error, jsonrpc: _ } = message;
    match (method, result, error) {
        (Some(name), None, None) if id.is_none() => notification(&name, params).map(Said::Notification),
        (Some(_), ..) => Err("a notification with an id, a result or an error".into()),
        (None, Some(result), None) => Ok(Said::Answer { id, result: Ok(result) }),
        (None, None, Some(error)) => Ok(Said::Answer { id, result: Err(error) }),
        (None, Some(_), Some(_)) => Err("an answer with both result and error".into()),
        (None, None, None) => Err("an answer with neither result nor error".into()),
    }
}

fn notification(name: &str, params: Option<Value>) -> Result<Notification, String> {
    let params = params.ok_or_else(|| format!("notification {name} without params"))?;
    let fault = |error| format!("params of notification {name} do not fit: {error}");
    match name {
        method::STEP => typed(params).map(Notification::Step).map_err(fault),
        method::STAGE => typed(params).map(Notification::Stage).map_err(fault),
        method::LOG => typed(params).map(Notification::Log).map_err(fault),
        method::ROWS => typed(params).map(Notification::Rows).map_err(fault),
        method::DOWNLOAD => typed(params).map(Notification::Download).map_err(fault),
        _ => Err("unknown notification: known are step, stage, rows, download, log".into()),
    }
}

/// Reads a value as a type; the error names the field.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: &Expect) {
        expected.assert_eq(&format!("{:?}", parse(line.as_bytes())));
    }

    #[test]
    fn answers_and_notifications_are_told_apart() {
        check(
            r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
            &expect!["Ok(Answer { id: Some(Number(3)), result: Ok(Object {}) })"],
        );
        check(
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m","data":{"kind":"invalid_request"}}}"#,
            &expect![[
                r#"Ok(Answer { id: None, result: Err(RpcError { code: -32700, message: "m", data: ErrorData { kind: InvalidRequest, hint: None } }) })"#
            ]],
        );
        check(
            r#"{"jsonrpc":"2.0","method":"step","params":{"index":1,"total":2,"t_ns":3}}"#,
            &expect!["Ok(Notification(Step(StepParams { index: 1, total: 2, t_ns: 3 })))"],
        );
    }

    #[test]
    fn each_broken_rule_is_named() {
        check("rubbish", &expect![[r#"Err("not JSON: expected value at line 1 column 1")"#]]);
        check("[]", &expect![[r#"Err("not a message: not an object")"#]]);
        check(r#"{"jsonrpc":"1.0","id":3,"result":{}}"#, &expect![[r#"Err("jsonrpc is not \"2.0\"")"#]]);
        check(r#"{"jsonrpc":"2.0","id":3}"#, &expect![[r#"Err("an answer with neither result nor error")"#]]);
        check(
            r#"{"jsonrpc":"2.0","id":3,"result":null}"#,
            &expect![[r#"Err("an answer with neither result nor error")"#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"result":{},"result":{}}"#,
            &expect![[r#"Err("not a message: duplicate field `result` at line 1 column 44")"#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"result":{},"extra":1}"#,
            &expect![[
                r#"Err("not a message: extra: unknown field `extra`, expected one of `jsonrpc`, `id`, `method`, `params`, `result`, `error` at line 1 column 43")"#
            ]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"result":{},"error":{"code":1,"message":"","data":{"kind":"internal"}}}"#,
            &expect![[r#"Err("an answer with both result and error")"#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"","data":{"kind":"sad"}}}"#,
            &expect![[
                r#"Err("not a message: error.data.kind: unknown variant `sad`, expected one of `invalid_request`, `unsupported`, `out_of_memory`, `device_lost`, `weights_missing`, `weights_mismatch`, `timeout`, `unreachable`, `internal` at line 1 column 75")"#
            ]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"method":"log","params":{"level":"info","message":""}}"#,
            &expect![[r#"Err("a notification with an id, a result or an error")"#]],
        );
        check(r#"{"jsonrpc":"2.0","method":"log"}"#, &expect![[r#"Err("notification log without params")"#]]);
        check(
            r#"{"jsonrpc":"2.0","method":"dance","params":{}}"#,
            &expect![[r#"Err("unknown notification: known are step, stage, rows, download, log")"#]],
        );
        check(
            r#"{"jsonrpc":"2.0","method":"step","params":{"index":-1,"total":2,"t_ns":3}}"#,
            &expect![[
                r#"Err("params of notification step do not fit: index: invalid value: integer `-1`, expected u32")"#
            ]],
        );
        check(
            r#"{"jsonrpc":"2.0","method":"stage","params":{"name":"nap","start_ns":1,"end_ns":2}}"#,
            &expect![[
                r#"Err("params of notification stage do not fit: name: unknown variant `nap`, expected one of `client_wait`, `submit`, `queue`, `text_encode`, `denoise`, `vae_decode`, `encode`, `poll`, `download`, `unattributed`")"#
            ]],
        );
    }

    proptest! {
        #[test]
        fn no_line_can_panic_the_parser(line in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&line);
        }
    }
}
