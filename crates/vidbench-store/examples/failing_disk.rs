//! A disk that fails, for tests: loaded before the C library (`LD_PRELOAD`), it makes calls on regular files fail.
//!
//! `FAILING_DISK=CALL:ERRNO:FIRST:COUNT`, with CALL one of `fsync`, `pwrite`, `write`, `rename`: COUNT calls fail, from
//! number FIRST on, counted from 0. Linux only.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "it takes the place of functions of the C library")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Plan {
    call: String,
    errno: c_int,
    first: u64,
    count: u64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
static CALLS: AtomicU64 = AtomicU64::new(0);

fn read_plan() -> Option<Plan> {
    let text = std::env::var("FAILING_DISK").ok()?;
    let mut parts = text.split(':');
    let call = parts.next()?.to_owned();
    let mut number = || parts.next()?.parse::<u64>().ok();
    let (errno, first, count) = (number()?, number()?, number()?);
    Some(Plan { call, errno: c_int::try_from(errno).ok()?, first, count })
}

/// Whether this call is one that fails; errno is set then.
fn fails(call: &str) -> bool {
    let Some(plan) = PLAN.get_or_init(read_plan) else { return false };
    if plan.call != call {
        return false;
    }
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    let due = (plan.first..plan.first.saturating_add(plan.count)).contains(&number);
    if due {
        // SAFETY: the C library gives each thread a place for its errno.
        unsafe { *libc::__errno_location() = plan.errno };
    }
    due
}

fn is_regular(fd: c_int) -> bool {
    // SAFETY: a stat of zeros is a stat, and fstat writes nothing else.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG
    }
}

/// See fsync(2).
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the system call takes any number.
    if fails("fsync") { -1 } else { unsafe { libc::syscall(libc::SYS_fsync, fd) as c_int } }
}

/// See fdatasync(2).
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the system call takes any number.
    if fails("fsync") { -1 } else { unsafe { libc::syscall(libc::SYS_fdatasync, fd) as c_int } }
}

/// See write(2).
///
/// # Safety
/// `bytes` points to `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize {
    if is_regular(fd) && fails("write") {
        return -1;
    }
    // SAFETY: handed on as it came.
    unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) as isize }
}

/// See pwrite(2).
///
/// # Safety
/// `bytes` points to `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: usize, at: i64) -> isize {
    if fails("pwrite") {
        return -1;
    }
    // SAFETY: handed on as it came.
    unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, at) as isize }
}

/// See pwrite(2).
///
/// # Safety
/// `bytes` points to `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, count: usize, at: i64) -> isize {
    // SAFETY: as the caller promises.
    unsafe { pwrite64(fd, bytes, count, at) }
}

/// See rename(2).
///
/// # Safety
/// Both are texts that end with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    if fails("rename") {
        return -1;
    }
    // SAFETY: handed on as it came.
    unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) as c_int }
}
