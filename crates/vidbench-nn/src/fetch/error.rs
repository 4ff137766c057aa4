//! Why a file was not fetched, and what to do about it.

use std::io;
use std::path::PathBuf;

/// A file that was not fetched.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {name} from {url}: {kind}")]
pub struct FetchError {
    /// Name in the manifest.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What went wrong.
    #[source]
    pub kind: FetchErrorKind,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The network may not be used.
    #[error("offline, and it is not in the Hugging Face cache")]
    Offline,
    /// The server has no such file.
    #[error("the server has no such file (404)")]
    NotFound,
    /// The server gives the file only to some people.
    #[error("access to it is restricted ({status})")]
    Gated {
        /// 401 or 403.
        status: u16,
    },
    /// The server answered with another status that is not a success.
    #[error("the server returned status {status}")]
    Status {
        /// The status of HTTP.
        status: u16,
    },
    /// The connection, the host name or the certificate failed.
    #[error("{reason}")]
    Transport {
        /// What the system or the protocol says.
        reason: String,
        /// Whether a later attempt may succeed.
        transient: bool,
    },
    /// No authority that this machine trusts confirms that the server is who it claims to be.
    #[error("its certificate is not trusted: {reason}")]
    Untrusted {
        /// What is wrong with it.
        reason: String,
    },
    /// The length is not the known one.
    #[error("it has {found} bytes there, expected {wanted}")]
    WrongSize {
        /// Length that the server states, or that arrived.
        found: u64,
        /// Length that the manifest states.
        wanted: u64,
    },
    /// The content is not the known one; the file was removed.
    #[error("it is a different file: {reason}")]
    WrongContent {
        /// What differs.
        reason: String,
    },
    /// The archive does not hold the wanted file.
    #[error("it does not contain {member}: {reason}")]
    Member {
        /// The file inside.
        member: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be written or read here.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FetchErrorKind {
    /// Whether the same request may get another answer later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Transport { transient, .. } => *transient,
            Self::Offline
            | Self::NotFound
            | Self::Gated { .. }
            | Self::Untrusted { .. }
            | Self::WrongSize { .. }
            | Self::WrongContent { .. }
            | Self::Member { .. }
            | Self::Io { .. } => false,
        }
    }
}

impl FetchError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let Self { name, .. } = self;
        match &self.kind {
            FetchErrorKind::Offline => format!(
                "run without HF_HUB_OFFLINE and --offline to fetch it, or copy {name} to this machine and `vidbench nets import` it"
            ),
            FetchErrorKind::Gated { .. } => {
                "accept the licence on the repository page, then set HF_TOKEN to a token with read access".into()
            }
            FetchErrorKind::NotFound | FetchErrorKind::Member { .. } => {
                format!("if it has moved, download {name} manually and `vidbench nets import` it; please report the new address")
            }
            FetchErrorKind::Status { .. } | FetchErrorKind::Transport { .. } => format!(
                "run the same command again to continue, or download {name} manually and `vidbench nets import` it"
            ),
            FetchErrorKind::Untrusted { .. } => {
                "install the system's ca-certificates, or set SSL_CERT_FILE to your proxy's certificates".into()
            }
            FetchErrorKind::WrongSize { .. } | FetchErrorKind::WrongContent { .. } => {
                "nothing was kept; try again, and if it happens again, the authors have changed the file: please report it".into()
            }
            FetchErrorKind::Io { .. } => "free some space, or set VIDBENCH_NETS to another folder".into(),
        }
    }
}
