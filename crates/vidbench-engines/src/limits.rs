//! What a worker is held to: numeric limits, and walls around it.

use std::path::PathBuf;

use vidbench_core::NetworkCut;

/// The most that a worker may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Main memory of the worker and all its descendants, in bytes. The harness measures it, and ends a worker that
    /// exceeds it.
    pub memory_bytes: Option<u64>,
    /// Processor seconds of one request, of the worker and all its descendants. The harness measures them, and ends a
    /// worker that exceeds them.
    pub cpu_secs: Option<u64>,
    /// Open files of each process. The system refuses more.
    pub open_files: Option<u64>,
    /// Size of a file that is written, in bytes. The system refuses more.
    pub file_size_bytes: Option<u64>,
}

impl Limits {
    /// Whether the harness has to measure what the worker and its descendants use.
    pub(crate) fn are_watched(&self) -> bool {
        self.memory_bytes.is_some() || self.cpu_secs.is_some()
    }
}

/// Walls around a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walls {
    /// What cuts off its network.
    pub network: Option<NetworkCut>,
    /// The files that it can reach; when absent, all files that the user can reach.
    pub files: Option<ReachableFiles>,
}

/// Files, and folders with everything in them. A path that does not exist is no error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReachableFiles {
    /// They can be read, and run.
    pub readable: Vec<PathBuf>,
    /// They can be written, too.
    pub writable: Vec<PathBuf>,
}

/// A limit that a worker exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// It held too much memory and was ended.
    #[error("it held {} MiB of memory, more than memory_mib = {} allows", .held_bytes >> 20, .limit_bytes >> 20)]
    Memory {
        /// What it held when the harness measured it.
        held_bytes: u64,
        /// What it may hold.
        limit_bytes: u64,
    },
    /// A request took too much processor time, and it was ended.
    #[error("the request took {spent_secs} processor seconds, more than cpu_secs = {limit_secs} allows")]
    Cpu {
        /// What the request had taken when the harness measured it.
        spent_secs: u64,
        /// What it may take.
        limit_secs: u64,
    },
    /// It wrote a file that is too large, and the system ended it.
    #[error("it wrote a file larger than file_size_mib = {} allows", .limit_bytes >> 20)]
    FileSize {
        /// The largest file that it may write.
        limit_bytes: u64,
    },
}

/// Which limit or wall is behind `said`, if that contains the system's words for what a limit or wall forbids.
pub(crate) fn explanation(limits: &Limits, walls: &Walls, said: &str) -> Option<String> {
    let file_size =
        || limits.file_size_bytes.map(|bytes| format!("file_size_mib = {} is in force", bytes >> 20));
    let open_files = || limits.open_files.map(|files| format!("open_files = {files} is in force"));
    let network = || walls.network.map(|cut| format!("it has {}", cut.described()));
    let files =
        || walls.files.as_ref().map(|_| "it can access only some files: filesystem = \"confined\"".into());
    let words: [(&str, &dyn Fn() -> Option<String>); 7] = [
        ("File too large", &file_size),
        ("SIGXFSZ", &file_size),
        ("Too many open files", &open_files),
        ("Network is unreachable", &network),
        ("Network unreachable", &network),
        ("name resolution", &network),
        ("Permission denied", &files),
    ];
    words.into_iter().find_map(|(word, held)| said.contains(word).then(held).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_exceeded_names_the_key_and_both_numbers() {
        let memory = Exceeded::Memory { held_bytes: 700 << 20, limit_bytes: 512 << 20 };
        assert_eq!(memory.to_string(), "it held 700 MiB of memory, more than memory_mib = 512 allows");
        let file = Exceeded::FileSize { limit_bytes: 1 << 20 };
        assert_eq!(file.to_string(), "it wrote a file larger than file_size_mib = 1 allows");
    }

    #[test]
    fn only_what_holds_is_an_explanation() {
        let (limits, walls) = (Limits { open_files: Some(64), ..Limits::default() }, Walls::default());
        let explained = |said| explanation(&limits, &walls, said);
        assert_eq!(
            explained("OSError: [Errno 24] Too many open files").as_deref(),
            Some("open_files = 64 is in force")
        );
        assert_eq!(explained("OSError: [Errno 27] File too large"), None);
        assert_eq!(explained("Permission denied"), None);
        assert_eq!(explained("all is well"), None);
    }
}
