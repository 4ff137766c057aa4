//! Fetches one file over HTTP: resumes, retries and follows redirects.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ureq::config::{ConfigBuilder, RedirectAuthHeaders};
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body};

use super::part::{Part, Version};
use super::{FetchErrorKind, FetchEvent, Patience};

const PIECE_BYTES: usize = 256 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait between two attempts, even if a server asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What to get.
pub(super) struct Download<'a> {
    pub(super) url: &'a str,
    /// Sent to the host of the address and to no other.
    pub(super) token: Option<&'a str>,
    /// Length, if it is known beforehand.
    pub(super) size_bytes: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    patience: Patience,
    /// Hosts that sent nothing in any attempt; for the next file of such a host one attempt is enough.
    silent: Mutex<BTreeSet<String>>,
}

/// The outcome of an attempt.
enum Attempt {
    Whole,
    Failed {
        kind: FetchErrorKind,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

/// The configuration of every request that vidbench makes.
pub(super) fn config() -> ConfigBuilder<AgentScope> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The system's certificates are used, because networks with an inspecting proxy have their own.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("vidbench/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
}

impl Client {
    pub(super) fn new(patience: Patience) -> Self {
        let agent = config()
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .build()
            .new_agent();
        Self { agent, patience, silent: Mutex::default() }
    }

    /// Fetches a file, and continues where an earlier attempt or an earlier process stopped.
    pub(super) fn get(
        &self,
        download: &Download<'_>,
        into: &Path,
        tell: &mut dyn FnMut(FetchEvent),
    ) -> Result<(), FetchErrorKind> {
        let mut job = Job { download, part: Part::of(into), into, tell };
        let (mut failures, mut had) = (0, 0);
        let host = host(download.url);
        let attempts = if self.silent().contains(&host) { 1 } else { self.patience.attempts };
        loop {
            let (kind, retry_after) = match self.attempt(&mut job) {
                Attempt::Whole => {
                    self.silent().remove(&host);
                    return Ok(());
                }
                Attempt::Failed { kind, retry_after } => (kind, retry_after),
            };
            let has = job.part.begun(download.url).map_or(0, |(len, _)| len);
            // As long as each attempt brings some bytes, a connection that breaks may be retried without end.
            failures = if has > had { 1 } else { failures + 1 };
            had = has;
            if !kind.is_transient() {
                return Err(kind);
            }
            if failures >= attempts {
                if has == 0 && matches!(kind, FetchErrorKind::Transport { .. }) {
                    self.silent().insert(host);
                }
                return Err(kind);
            }
            let wait = retry_after.unwrap_or(self.patience.first_wait * 2_u32.saturating_pow(failures - 1));
            let wait = wait.min(LONGEST_WAIT);
            (job.tell)(FetchEvent::Retry { reason: kind.to_string(), wait });
            thread::sleep(wait);
        }
    }

    fn silent(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt(&self, job: &mut Job<'_>) -> Attempt {
        let begun = job.part.begun(job.download.url);
        let failed = |kind| Attempt::Failed { kind, retry_after: None };
        let response = match self.ask(job.download, begun.as_ref()) {
            Ok(response) => response,
            Err(error) => return failed(of_transport(&error)),
        };
        let here = begun.map_or(0, |(len, _)| len);
        let received = match response.status() {
            StatusCode::OK => job.receive(response, 0),
            StatusCode::PARTIAL_CONTENT if here > 0 && range_start(&response) == Some(here) => {
                job.receive(response, here)
            }
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if here > 0 => {
                job.give_up_what_is_here()
            }
            status => {
                let retry_after = retry_after(&response);
                return Attempt::Failed { kind: of_status(status.as_u16()), retry_after };
            }
        };
        received.map_or_else(failed, |()| Attempt::Whole)
    }

    fn ask(
        &self,
        download: &Download<'_>,
        begun: Option<&(u64, Version)>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(download.url);
        if let Some(token) = download.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((len, version)) = begun {
            request = request
                .header(header::RANGE, format!("bytes={len}-"))
                .header(header::IF_RANGE, &version.etag);
        }
        request.call()
    }
}

/// A download in progress.
struct Job<'a> {
    download: &'a Download<'a>,
    part: Part,
    into: &'a Path,
    tell: &'a mut dyn FnMut(FetchEvent),
}

impl Job<'_> {
    /// Writes a response body after the first `here` bytes, and gives the file its name when it is complete.
    fn receive(&mut self, response: Response<Body>, here: u64) -> Result<(), FetchErrorKind> {
        let announced = response.body().content_length().map(|left| here + left);
        let known = self.download.size_bytes;
        if let (Some(found), Some(wanted)) = (announced, known)
            && found != wanted
        {
            return self.refuse(found, wanted);
        }
        let total = announced.or(known);
        let version = strong_etag(&response).map(|etag| Version { url: self.download.url.to_owned(), etag });
        let opened = if here == 0 { self.part.begin(version.as_ref()) } else { self.part.go_on() };
        let mut file = opened.map_err(|error| self.io_error(error))?;
        let done = self.copy(response.into_body(), &mut file, here, total)?;
        match total {
            Some(wanted) if done < wanted => {
                let reason = format!("the connection ended after {done} of {wanted} bytes");
                Err(FetchErrorKind::Transport { reason, transient: true })
            }
            Some(wanted) if done > wanted => self.refuse(done, wanted),
            _ => self.part.finish(file, self.into).map_err(|error| self.io_error(error)),
        }
    }

    /// Copies a body and returns how many bytes are here then. Of a body that is too long, it writes at most one piece
    /// too much.
    fn copy(
        &mut self,
        body: Body,
        file: &mut File,
        here: u64,
        total: Option<u64>,
    ) -> Result<u64, FetchErrorKind> {
        let mut reader = body.into_reader();
        let (mut done, mut piece) = (here, vec![0; PIECE_BYTES]);
        (self.tell)(FetchEvent::Bytes { done, total });
        loop {
            let read = reader.read(&mut piece).map_err(|error| of_transport(&ureq::Error::Io(error)))?;
            let bytes = piece.get(..read).unwrap_or_default();
            if bytes.is_empty() || total.is_some_and(|total| done > total) {
                return Ok(done);
            }
            file.write_all(bytes).map_err(|error| self.io_error(error))?;
            done += bytes.len() as u64;
            (self.tell)(FetchEvent::Bytes { done, total });
        }
    }

    /// The server no longer has the part that is missing, so the next attempt asks for the whole file.
    fn give_up_what_is_here(&self) -> Result<(), FetchErrorKind> {
        self.part.remove().map_err(|error| self.io_error(error))?;
        let reason = "the file changed during the download".into();
        Err(FetchErrorKind::Transport { reason, transient: true })
    }

    fn refuse(&self, found: u64, wanted: u64) -> Result<(), FetchErrorKind> {
        self.part.remove().map_err(|error| self.io_error(error))?;
        Err(FetchErrorKind::WrongSize { found, wanted })
    }

    fn io_error(&self, source: io::Error) -> FetchErrorKind {
        FetchErrorKind::Io { path: self.part.path().to_owned(), source }
    }
}

fn host(url: &str) -> String {
    let authority = url.parse::<Uri>().ok().and_then(|url| Some(url.authority()?.to_string()));
    authority.unwrap_or_default()
}

/// An entity tag that two versions of a file never share. Weak tags are left out, because two versions may share one
/// (RFC 9110, 13.1.5).
fn strong_etag(response: &Response<Body>) -> Option<String> {
    let etag = response.headers().get(header::ETAG)?.to_str().ok()?;
    etag.starts_with('"').then(|| etag.to_owned())
}

/// Where the part of a file begins that the server sends, from a header such as `bytes 100-199/200`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// The wait in seconds. A server may also send a date, which is rare and is not read.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let secs = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(secs.trim().parse().ok()?))
}

fn of_status(status: u16) -> FetchErrorKind {
    match status {
        404 | 410 => FetchErrorKind::NotFound,
        401 | 403 => FetchErrorKind::Gated { status },
        _ => FetchErrorKind::Status { status },
    }
}

fn of_transport(error: &ureq::Error) -> FetchErrorKind {
    if let Some(rustls::Error::InvalidCertificate(reason)) = of_tls(error) {
        return FetchErrorKind::Untrusted { reason: reason.to_string() };
    }
    let line = matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed);
    FetchErrorKind::Transport { reason: error.to_string(), transient: line && of_tls(error).is_none() }
}

/// The TLS error behind a failure, if there is one; a later attempt does not get past it.
fn of_tls(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        ureq::Error::Rustls(error) => Some(error),
        _ => None,
    }
}
