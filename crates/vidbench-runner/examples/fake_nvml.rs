//! A stand-in for the driver's library in tests: one device that draws 200 W, with an energy counter that follows the
//! clock.
//!
//! `FAKE_NVML` takes features away: `no-counter`, `no-ecc`, `silent` (answers with its name only), `foreign` (another
//! process is on the device), `own` (this process is on it), `workers` (each child of this process holds 30 GiB),
//! `throttled`. Or it makes things happen after some
//! readings: `surge` (its memory is nearly full for a while), `hot`, `errors` (uncorrected ones), `lost` (it fell off
//! the bus). Several values are joined by commas. Readings are counted, so that tests need no clock.
#![allow(unsafe_code, reason = "the functions of a C library")]
#![allow(non_snake_case, missing_debug_implementations, reason = "their names and structures")]

use std::ffi::{c_char, c_uint, c_ulonglong, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const SUCCESS: c_uint = 0;
const NOT_SUPPORTED: c_uint = 3;
const GPU_IS_LOST: c_uint = 15;
const MILLIWATTS: c_uint = 200_000;
const GIB: c_ulonglong = 1 << 30;

/// Readings since the library was last initialized: each reading asks for the device once.
static READINGS: AtomicU32 = AtomicU32::new(0);

fn wants(what: &str) -> bool {
    std::env::var("FAKE_NVML").is_ok_and(|told| told.split(',').any(|told| told == what))
}

/// Whether the current reading is one of these; the first reading is 1.
fn at_reading(readings: std::ops::RangeInclusive<u32>) -> bool {
    readings.contains(&READINGS.load(Ordering::Relaxed))
}

unsafe fn put<T>(place: *mut T, value: T) -> c_uint {
    if wants("silent") {
        return NOT_SUPPORTED;
    }
    // SAFETY: NVML's callers give a place for the value.
    unsafe { place.write(value) };
    SUCCESS
}

fn text(place: *mut c_char, length: c_uint, text: &str) -> c_uint {
    let bytes = text.bytes().chain([0]).take(length as usize);
    // SAFETY: NVML's callers give room for `length` bytes.
    bytes.enumerate().for_each(|(at, byte)| unsafe { place.add(at).write(byte.cast_signed()) });
    SUCCESS
}

macro_rules! functions {
    ($($name:ident($($arg:ident: $type:ty),*) $body:block)*) => {
        $(
            /// See NVML's reference.
            ///
            /// # Safety
            /// Pointers must be as NVML's reference asks.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_uint $body
        )*
    };
}

/// Processes on the device, with the memory that each holds.
fn running() -> Vec<(c_uint, c_ulonglong)> {
    let one = [("foreign", 1), ("own", std::process::id())].into_iter().find(|(name, _)| wants(name));
    let workers = if wants("workers") { children() } else { Vec::new() };
    one.map(|(_, pid)| (pid, GIB)).into_iter().chain(workers.into_iter().map(|pid| (pid, 30 * GIB))).collect()
}

fn children() -> Vec<c_uint> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    let lists: String = threads.filter_map(of_thread).collect();
    lists.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[repr(C)]
pub struct Rates {
    gpu: c_uint,
    memory: c_uint,
}

#[repr(C)]
pub struct MemoryV2 {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[repr(C)]
pub struct Process {
    pid: c_uint,
    used: c_ulonglong,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

functions! {
    nvmlInit_v2() {
        READINGS.store(0, Ordering::Relaxed);
        SUCCESS
    }
    nvmlShutdown() { SUCCESS }
    nvmlDeviceGetCount_v2(count: *mut c_uint) { unsafe { count.write(1) }; SUCCESS }
    nvmlDeviceGetHandleByIndex_v2(_index: c_uint, device: *mut *mut c_void) {
        READINGS.fetch_add(1, Ordering::Relaxed);
        if wants("lost") && at_reading(4..=u32::MAX) {
            return GPU_IS_LOST;
        }
        unsafe { device.write(std::ptr::dangling_mut()) };
        SUCCESS
    }
    nvmlDeviceGetName(_device: *mut c_void, place: *mut c_char, length: c_uint) { text(place, length, "Fake H100") }
    nvmlDeviceGetUtilizationRates(_device: *mut c_void, rates: *mut Rates) { unsafe { put(rates, Rates { gpu: 97, memory: 40 }) } }
    nvmlDeviceGetMemoryInfo_v2(_device: *mut c_void, memory: *mut MemoryV2) {
        let version = if wants("silent") { 0 } else { unsafe { (*memory).version } };
        let used = if wants("surge") && at_reading(3..=8) { 76 * GIB } else { 20 * GIB };
        unsafe { put(memory, MemoryV2 { version, total: 80 * GIB, reserved: 0, free: 80 * GIB - used, used }) }
    }
    nvmlDeviceGetPowerUsage(_device: *mut c_void, milliwatts: *mut c_uint) { unsafe { put(milliwatts, MILLIWATTS) } }
    nvmlDeviceGetTotalEnergyConsumption(_device: *mut c_void, millijoules: *mut c_ulonglong) {
        if wants("no-counter") {
            return NOT_SUPPORTED;
        }
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millijoules_now = elapsed.as_secs_f64() * f64::from(MILLIWATTS);
        unsafe { put(millijoules, millijoules_now as c_ulonglong) }
    }
    nvmlDeviceGetTemperature(_device: *mut c_void, _sensor: c_uint, celsius: *mut c_uint) {
        unsafe { put(celsius, if wants("hot") && at_reading(3..=u32::MAX) { 97 } else { 61 }) }
    }
    nvmlDeviceGetTotalEccErrors(_device: *mut c_void, kind: c_uint, counter: c_uint, errors: *mut c_ulonglong) {
        const UNCORRECTED: c_uint = 1;
        const VOLATILE: c_uint = 0;
        if wants("no-ecc") || (kind, counter) != (UNCORRECTED, VOLATILE) {
            return NOT_SUPPORTED;
        }
        unsafe { put(errors, if wants("errors") && at_reading(3..=u32::MAX) { 2 } else { 0 }) }
    }
    nvmlDeviceGetClockInfo(_device: *mut c_void, _clock: c_uint, mhz: *mut c_uint) { unsafe { put(mhz, 1755) } }
    nvmlDeviceGetCurrentClocksThrottleReasons(_device: *mut c_void, reasons: *mut c_ulonglong) {
        unsafe { put(reasons, if wants("throttled") { 0x4 | 0x40 } else { 0 }) }
    }
    nvmlDeviceGetComputeRunningProcesses_v3(_device: *mut c_void, count: *mut c_uint, processes: *mut Process) {
        // As the driver does: asked without room, it says how much is needed.
        const INSUFFICIENT_SIZE: c_uint = 7;
        let running = running();
        let room = unsafe { count.replace(running.len() as c_uint) };
        if (room as usize) < running.len() {
            return INSUFFICIENT_SIZE;
        }
        for (at, (pid, used)) in running.into_iter().enumerate() {
            unsafe { processes.add(at).write(Process { pid, used, gpu_instance: 0, compute_instance: 0 }) };
        }
        SUCCESS
    }
}
