//! One arena for all nets of a process.
//!
//! An arena keeps as much memory as the largest pass through it took, so that the next pass need not ask the system for
//! it. By default, ONNX Runtime gives each session its own arena. The nets of a metric suite would then keep the sum of
//! their largest passes, although they run one after the other.
#![expect(unsafe_code, reason = "ort has no safe call for it")]

use std::ptr;

use ort::AsPointer as _;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};

/// Creates the arena; sessions that are to use it have to ask for it.
///
/// # Errors
///
/// The error of ONNX Runtime; sessions then have arenas of their own.
pub(crate) fn share_arena(environment: &Environment) -> Result<(), ort::Error> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let create = ort::api().CreateAndRegisterAllocator;
    // SAFETY: both pointers are those of live objects of the loaded library. It changes the environment under a lock of
    // its own and copies what `memory` says; no arena configuration means the default one (onnxruntime_c_api.h).
    unsafe {
        let status = create(environment.ptr().cast_mut(), memory.ptr(), ptr::null());
        ort::Error::result_from_status(status)
    }
}
