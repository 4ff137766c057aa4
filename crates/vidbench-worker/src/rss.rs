//! How much memory this process has used at most.

/// Largest resident set of this process so far, in bytes; `None` where the system does not tell (no `/proc`).
pub fn peak_rss_bytes() -> Option<u64> {
    peak_from_status(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Largest resident set of a process that this one has started and that has ended, or that such a process had started; `None` before one has, and
/// where the system does not tell. Of several that ran at once it is the largest, not their sum.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
pub(crate) fn peak_rss_of_children() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the call fills the structure that it is given, and is read only where it says that it did.
    let usage = unsafe {
        (libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) == 0).then(|| usage.assume_init())?
    };
    u64::try_from(usage.ru_maxrss).ok().filter(|kibibytes| *kibibytes > 0)?.checked_mul(1024)
}

/// Elsewhere the unit is another.
#[cfg(not(target_os = "linux"))]
pub(crate) fn peak_rss_of_children() -> Option<u64> {
    None
}

/// Reads `VmHWM` (proc(5): "peak resident set size", in units of 1024 bytes) from the text of `/proc/self/status`.
fn peak_from_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        let status = "Name:\tvidbench\nVmPeak:\t  999999 kB\nVmHWM:\t    1536 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(peak_from_status(status), Some(1536 * 1024));
    }

    #[test]
    fn a_status_without_a_readable_peak_gives_none() {
        for status in
            ["", "VmRSS:\t 1 kB\n", "VmHWM:\t kB\n", "VmHWM:\t 12 MB\n", "VmHWM:\t 99999999999999999999 kB\n"]
        {
            assert_eq!(peak_from_status(status), None, "{status:?}");
        }
        assert_eq!(peak_from_status("VmHWM:\t 18446744073709551615 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_of_this_process_grows_with_what_it_touches() {
        let before = peak_rss_bytes().unwrap();
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = peak_rss_bytes().unwrap();
        assert!(after >= before + touched.len() as u64 / 2, "{before} then {after}");
    }
}
