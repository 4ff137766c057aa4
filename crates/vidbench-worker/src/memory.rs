//! How this process treats memory that was freed.
#![expect(unsafe_code, reason = "tells the C library's allocator")]

/// Keeps freed memory for the next frame instead of giving it back to the system. A scorer frees and requests the same
/// few buffers of megabytes for every frame, and a page that comes from the system anew costs more than the arithmetic
/// on it: 17 % of the time of SSIM at 832x480.
///
/// To be called once in a scorer's process, before it works. Does nothing without glibc.
pub fn keep_freed_memory() {
    /// Largest value that glibc takes (malloc.c, HEAP_MAX_SIZE / 2).
    #[cfg(target_env = "gnu")]
    const MAP_FROM_BYTES: i32 = 32 << 20;
    /// A few frames of 3840x2160 as 32-bit floats.
    #[cfg(target_env = "gnu")]
    const KEEP_BYTES: i32 = 512 << 20;
    // SAFETY: sets two numbers of the allocator under its own lock; any value is allowed.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAP_FROM_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEEP_BYTES);
    }
}
