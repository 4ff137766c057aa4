//! Processors, main memory and the processors' energy counters.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use vidbench_engines::family_cpu_secs;

/// Where Linux shows the energy counters of processors (Documentation/power/powercap/powercap.rst).
const RAPL: &str = "/sys/class/powercap";

/// Where Linux shows how long processes waited for disks (Documentation/accounting/psi.rst).
const DISK_PRESSURE: &str = "/proc/pressure/io";

pub(super) struct Host {
    system: Option<System>,
    packages: Result<Vec<Package>, String>,
    read_before: bool,
    /// Processor seconds of this session's processes, and when they were read.
    own: Option<(f64, Instant)>,
    /// Microseconds in which some process waited for a disk, and when they were read.
    stalled: Option<(u64, Instant)>,
}

/// The energy counter of one processor package, which begins again at 0 when it has reached its range.
struct Package {
    counter: PathBuf,
    range_uj: u64,
    last_uj: u64,
    /// What earlier rounds of the counter have counted.
    turns_uj: u64,
}

impl Host {
    pub(super) fn new() -> Self {
        Self::with_counters(Path::new(RAPL))
    }

    fn with_counters(folder: &Path) -> Self {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Self {
            system: System::new_with_specifics(wanted).ok(),
            packages: packages(folder),
            read_before: false,
            own: None,
            stalled: None,
        }
    }

    /// Processor load since the previous reading; `None` at the first.
    pub(super) fn cpu_percent(&mut self) -> Option<f64> {
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        let percent = f64::from(system.global_cpu_usage());
        std::mem::replace(&mut self.read_before, true).then_some(percent)
    }

    /// The share of all cores that this process and its descendants took since the previous reading; `None` at the
    /// first.
    pub(super) fn own_cpu_percent(&mut self) -> Option<f64> {
        let cores = self.system.as_ref()?.cpus().len();
        let now = (family_cpu_secs(std::process::id())?, Instant::now());
        let (before_secs, before) = self.own.replace(now)?;
        let core_secs = now.1.duration_since(before).as_secs_f64() * cores as f64;
        // The time of a process that ended without being waited for is lost, so the difference can be negative.
        (core_secs > 0.0).then(|| ((now.0 - before_secs) / core_secs * 100.0).clamp(0.0, 100.0))
    }

    /// Share of the time since the previous reading in which some process of the machine waited for a disk; `None` at
    /// the first.
    pub(super) fn disk_stalled_percent(&mut self) -> Option<f64> {
        let now = (stalled_us(&fs::read_to_string(DISK_PRESSURE).ok()?)?, Instant::now());
        let (before_us, before) = self.stalled.replace(now)?;
        let us = now.1.duration_since(before).as_secs_f64() * 1e6;
        (us > 0.0).then(|| (now.0.saturating_sub(before_us) as f64 / us * 100.0).min(100.0))
    }

    pub(super) fn memory_used_bytes(&mut self) -> Option<u64> {
        let system = self.system.as_mut()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Some(system.total_memory().saturating_sub(system.available_memory()))
    }

    /// The machine's memory as of the last look; `None` before the first.
    pub(super) fn memory_total_bytes(&self) -> Option<u64> {
        self.system.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0)
    }

    /// Energy of all packages together; `None` as soon as one cannot be read.
    pub(super) fn joules(&mut self) -> Option<f64> {
        let packages = self.packages.as_mut().ok()?;
        let uj: Option<u64> = packages.iter_mut().map(Package::read_uj).sum();
        uj.map(|uj| uj as f64 / 1e6)
    }

    pub(super) fn energy_counters(&self) -> Result<Vec<String>, String> {
        let name = |package: &Package| {
            package.counter.parent().map_or(String::new(), |dir| dir.display().to_string())
        };
        self.packages.as_ref().map(|packages| packages.iter().map(name).collect()).map_err(Clone::clone)
    }
}

impl Package {
    fn read_uj(&mut self) -> Option<u64> {
        let now_uj = number(&self.counter).ok()?;
        if now_uj < self.last_uj {
            self.turns_uj += self.range_uj;
        }
        self.last_uj = now_uj;
        Some(self.turns_uj + now_uj)
    }
}

/// The counter of the line `some`, as in `some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459`.
fn stalled_us(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

/// The packages, without the parts that they contain (`intel-rapl:0:1`).
fn packages(folder: &Path) -> Result<Vec<Package>, String> {
    let absent = || format!("{} has no processor energy counter (RAPL)", folder.display());
    let entries = fs::read_dir(folder).map_err(|_| absent())?;
    let mut names: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("intel-rapl:") && name.matches(':').count() == 1
    });
    names.sort();
    if names.is_empty() {
        return Err(absent());
    }
    names.iter().map(|path| package(path)).collect()
}

fn package(folder: &Path) -> Result<Package, String> {
    let counter = folder.join("energy_uj");
    let range_uj = number(&folder.join("max_energy_range_uj"))?;
    let last_uj = number(&counter)?;
    Ok(Package { counter, range_uj, last_uj, turns_uj: 0 })
}

fn number(path: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.trim().parse().map_err(|_| format!("{} does not contain a number", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(folder: &Path, name: &str, uj: &str) {
        let package = folder.join(name);
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("energy_uj"), uj).unwrap();
        fs::write(package.join("max_energy_range_uj"), "10000000\n").unwrap();
    }

    #[test]
    fn packages_are_added_and_their_parts_are_not() {
        let folder = tempfile::tempdir().unwrap();
        counters(folder.path(), "intel-rapl:0", "1000000\n");
        counters(folder.path(), "intel-rapl:1", "2000000\n");
        counters(folder.path(), "intel-rapl:0:0", "500000\n");
        let mut host = Host::with_counters(folder.path());
        assert_eq!(host.joules(), Some(3.0));
        counters(folder.path(), "intel-rapl:0", "400000\n");
        assert_eq!(host.joules(), Some(12.4), "the counter has begun again");
        fs::remove_file(folder.path().join("intel-rapl:1/energy_uj")).unwrap();
        assert_eq!(host.joules(), None);
    }

    #[test]
    fn a_counter_that_is_not_there_is_said_and_never_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::with_counters(folder.path());
        assert_eq!(host.joules(), None);
        assert!(host.energy_counters().unwrap_err().contains("no processor energy counter"));
        counters(folder.path(), "intel-rapl:0", "rubbish");
        let mut host = Host::with_counters(folder.path());
        assert_eq!(host.joules(), None);
        assert!(host.energy_counters().unwrap_err().contains("energy_uj does not contain a number"));
    }

    #[test]
    fn the_time_that_anybody_waited_for_a_disk_is_read_and_what_is_no_counter_is_none() {
        let pressure = "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459\nfull avg10=0.00 avg60=0.13 avg300=0.96 total=57422084\n";
        assert_eq!(stalled_us(pressure), Some(58_761_459));
        for other in ["", "full avg10=0.00 total=5\n", "some avg10=0.22\n", "some total=-1\n"] {
            assert_eq!(stalled_us(other), None, "{other}");
        }
    }

    #[test]
    fn this_machine_has_memory_and_its_first_reading_no_share_of_time() {
        let mut host = Host::new();
        assert!(host.memory_used_bytes() > Some(1 << 20));
        assert!(host.memory_total_bytes() > host.memory_used_bytes());
        assert_eq!((host.cpu_percent(), host.own_cpu_percent()), (None, None));
        let begun = Instant::now();
        while begun.elapsed().as_millis() < 200 {}
        assert!(host.cpu_percent().is_some_and(|percent| (0.0..=100.0).contains(&percent)));
        assert!(host.own_cpu_percent().is_some_and(|percent| percent > 0.0 && percent <= 100.0));
    }
}
