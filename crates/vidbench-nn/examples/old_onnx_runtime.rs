//! ONNX Runtime as it was in 2021, as far as its version: the two functions that a program asks first.
#![allow(unsafe_code, reason = "the functions of a C library")]
#![allow(non_snake_case, missing_debug_implementations, reason = "their names and structures")]

use std::ffi::{c_char, c_void};
use std::ptr;

/// `OrtApiBase` of onnxruntime_c_api.h.
#[repr(C)]
pub struct OrtApiBase {
    get_api: extern "C" fn(u32) -> *const c_void,
    get_version_string: extern "C" fn() -> *const c_char,
}

static BASE: OrtApiBase = OrtApiBase { get_api, get_version_string };

/// Null for every version of the interface: this one has none that is asked for.
extern "C" fn get_api(_version: u32) -> *const c_void {
    ptr::null()
}

extern "C" fn get_version_string() -> *const c_char {
    c"1.8.1".as_ptr()
}

/// See onnxruntime_c_api.h.
#[unsafe(no_mangle)]
pub extern "C" fn OrtGetApiBase() -> *const OrtApiBase {
    &raw const BASE
}
