//! How much memory this process, or one that it started, has used at most.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(target_os = "linux")]
use std::os::unix::process::ExitStatusExt as _;

/// Largest resident set of this process since its mark was last reset, in bytes; `None` where the system does not tell
/// (no `/proc`).
pub fn peak_rss_bytes() -> Option<u64> {
    peak_from_status(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Resets the peak of [`peak_rss_bytes`]: writing 5 resets `VmHWM` (proc_pid_clear_refs(5)). Where that file may not be
/// written, such as within walls, the peak stays that of the process's whole life.
pub(crate) fn reset_peak_rss() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Waits for a child to end. Returns its status, and the largest resident set of the child or of any process that it
/// started and waited for. Of several processes at once it is the largest, not their sum. `None` where the system
/// counts in another unit.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
pub(crate) fn wait_with_peak(child: &mut Child) -> io::Result<(ExitStatus, Option<u64>)> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    let usage = loop {
        // SAFETY: the call fills both, and they are read only where it says that it did. Nobody else waits for this child.
        if unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) } == pid {
            break unsafe { usage.assume_init() };
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    let peak = u64::try_from(usage.ru_maxrss).ok().filter(|kibibytes| *kibibytes > 0);
    Ok((ExitStatus::from_raw(status), peak.and_then(|kibibytes| kibibytes.checked_mul(1024))))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn wait_with_peak(child: &mut Child) -> io::Result<(ExitStatus, Option<u64>)> {
    child.wait().map(|status| (status, None))
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
        drop(touched);
        reset_peak_rss();
        assert!(peak_rss_bytes().unwrap() < after - (32 << 20), "it begins anew");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_child_has_a_peak_of_its_own() {
        let peak = |bytes: &str| {
            let script = format!("head -c {bytes} /dev/zero | tail -c {bytes} | cat > /dev/null; exit 3");
            let mut child = std::process::Command::new("sh").args(["-c", &script]).spawn().unwrap();
            let (status, peak) = wait_with_peak(&mut child).unwrap();
            assert_eq!(status.code(), Some(3));
            peak.unwrap()
        };
        let (large, small) = (peak("64M"), peak("1"));
        assert!(large > 60 << 20, "{large}");
        assert!(small < 30 << 20, "{small}");
    }
}
