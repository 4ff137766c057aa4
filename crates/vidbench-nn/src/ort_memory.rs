//! One arena for all nets of a process.
//!
//! An arena keeps what the largest pass through it took, so that the next one need not ask the system for it. With one for each session, which is
//! what ONNX Runtime does unless told otherwise, the nets of a metric suite keep the sum of their largest passes, though they run one after the other.
#![expect(unsafe_code, reason = "ort has no safe call for it")]

use std::ptr;

use ort::AsPointer as _;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};

/// Makes the arena; sessions that are to use it say so.
///
/// # Errors
///
/// What ONNX Runtime says against it; sessions then have arenas of their own.
pub(crate) fn share_arena(environment: &Environment) -> Result<(), ort::Error> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let create = ort::api().CreateAndRegisterAllocator;
    // SAFETY: both pointers are of living objects of the loaded library, which changes the environment under a lock of its own and
    // copies what the other says; no arena configuration means the default one (onnxruntime_c_api.h).
    unsafe {
        let status = create(environment.ptr().cast_mut(), memory.ptr(), ptr::null());
        ort::Error::result_from_status(status)
    }
}
