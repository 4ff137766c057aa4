//! A stand-in for an ONNX Runtime of 2021: only the two functions that a program calls first, which tell the version.
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

/// Null for every version of the interface: this library has none of those that are asked for.
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
