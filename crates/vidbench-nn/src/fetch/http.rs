//! One file over HTTP: resumed, repeated, redirected.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::part::{Part, Version};
use super::{FetchErrorKind, FetchEvent, Patience};

const PIECE_BYTES: usize = 256 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait between two attempts, whatever a server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What to get.
pub(super) struct Download<'a> {
    pub(super) url: &'a str,
    /// For the host of the address and no other.
    pub(super) token: Option<&'a str>,
    /// Length, where it is known beforehand.
    pub(super) size_bytes: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    patience: Patience,
}

/// What an attempt came to.
enum Attempt {
    Whole,
    Failed {
        kind: FetchErrorKind,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

impl Client {
    pub(super) fn new(patience: Patience) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // The certificates of the system: networks with an inspecting proxy have their own.
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("vidbench/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .build()
            .new_agent();
        Self { agent, patience }
    }

    /// Gets a file, going on where an earlier attempt or an earlier process stopped.
    pub(super) fn get(
        &self,
        download: &Download<'_>,
        into: &Path,
        tell: &mut dyn FnMut(FetchEvent),
    ) -> Result<(), FetchErrorKind> {
        let part = Part::of(into);
        let (mut failures, mut had) = (0, 0);
        loop {
            let attempt = self.attempt(download, &part, into, tell);
            let (kind, retry_after) = match attempt {
                Attempt::Whole => return Ok(()),
                Attempt::Failed { kind, retry_after } => (kind, retry_after),
            };
            let has = part.begun(download.url).map_or(0, |(len, _)| len);
            // A line that breaks now and then and brings something each time is waited for without end.
            failures = if has > had { 1 } else { failures + 1 };
            had = has;
            if !kind.is_transient() || failures >= self.patience.attempts {
                return Err(kind);
            }
            let wait = retry_after.unwrap_or(self.patience.first_wait * 2_u32.saturating_pow(failures - 1));
            let wait = wait.min(LONGEST_WAIT);
            tell(FetchEvent::Retry { reason: kind.to_string(), wait });
            thread::sleep(wait);
        }
    }

    fn attempt(
        &self,
        download: &Download<'_>,
        part: &Part,
        into: &Path,
        tell: &mut dyn FnMut(FetchEvent),
    ) -> Attempt {
        let begun = part.begun(download.url);
        let failed = |kind| Attempt::Failed { kind, retry_after: None };
        let response = match self.ask(download, begun.as_ref()) {
            Ok(response) => response,
            Err(error) => return failed(of_transport(&error)),
        };
        let here = begun.as_ref().map_or(0, |(len, _)| *len);
        match response.status() {
            StatusCode::OK => {
                receive(response, download, part, 0, into, tell).map_or_else(failed, |()| Attempt::Whole)
            }
            StatusCode::PARTIAL_CONTENT if here > 0 && range_start(&response) == Some(here) => {
                receive(response, download, part, here, into, tell).map_or_else(failed, |()| Attempt::Whole)
            }
            // The server has no such part any more: what is here is worth nothing, and the next attempt asks for all.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if here > 0 => {
                match part.remove() {
                    Ok(()) => failed(FetchErrorKind::Transport {
                        reason: "the file has changed meanwhile".into(),
                        transient: true,
                    }),
                    Err(source) => failed(FetchErrorKind::Io { path: part.path().to_owned(), source }),
                }
            }
            status => {
                Attempt::Failed { kind: of_status(status.as_u16()), retry_after: retry_after(&response) }
            }
        }
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

/// Writes a body after the first `here` bytes, and gives the file its name when it is whole.
fn receive(
    response: Response<Body>,
    download: &Download<'_>,
    part: &Part,
    here: u64,
    into: &Path,
    tell: &mut dyn FnMut(FetchEvent),
) -> Result<(), FetchErrorKind> {
    let io_error = |source| FetchErrorKind::Io { path: part.path().to_owned(), source };
    let total = response.body().content_length().map(|left| here + left);
    let wrong = |found: u64, wanted: u64| {
        part.remove().map_err(io_error)?;
        Err(FetchErrorKind::WrongSize { found, wanted })
    };
    if let (Some(found), Some(wanted)) = (total, download.size_bytes)
        && found != wanted
    {
        return wrong(found, wanted);
    }
    let version = strong_etag(&response).map(|etag| Version { url: download.url.to_owned(), etag });
    let mut file = if here == 0 { part.begin(version.as_ref()) } else { part.go_on() }.map_err(io_error)?;
    let limit = total.or(download.size_bytes).unwrap_or(u64::MAX);
    let done = copy(response.into_body(), &mut file, here, total, limit, tell, &io_error)?;
    match total.or(download.size_bytes) {
        Some(wanted) if done < wanted => {
            let reason = format!("the connection ended after {done} of {wanted} bytes");
            Err(FetchErrorKind::Transport { reason, transient: true })
        }
        Some(wanted) if done > wanted => wrong(done, wanted),
        _ => part.finish(file, into).map_err(io_error),
    }
}

/// Copies a body, at most one byte more than `limit`, and says how many bytes are here then.
fn copy(
    body: Body,
    file: &mut File,
    here: u64,
    total: Option<u64>,
    limit: u64,
    tell: &mut dyn FnMut(FetchEvent),
    io_error: &dyn Fn(io::Error) -> FetchErrorKind,
) -> Result<u64, FetchErrorKind> {
    let mut reader = body.into_reader();
    let (mut done, mut piece) = (here, vec![0; PIECE_BYTES]);
    tell(FetchEvent::Bytes { done, total });
    loop {
        let read = reader.read(&mut piece).map_err(|error| of_transport(&ureq::Error::Io(error)))?;
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() || done > limit {
            return Ok(done);
        }
        file.write_all(bytes).map_err(io_error)?;
        done += bytes.len() as u64;
        tell(FetchEvent::Bytes { done, total });
    }
}

/// A name that two versions of a file never share; a weak one they may (RFC 9110, 13.1.5).
fn strong_etag(response: &Response<Body>) -> Option<String> {
    let etag = response.headers().get(header::ETAG)?.to_str().ok()?;
    etag.starts_with('"').then(|| etag.to_owned())
}

/// Where the part of a file begins that the server sends: `bytes 100-199/200`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Of the two forms that a server may use, the seconds; dates are rare.
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
    let transient =
        matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed);
    // A certificate that is not trusted comes as an input error and does not become better.
    let certificate = matches!(error, ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData);
    FetchErrorKind::Transport { reason: error.to_string(), transient: transient && !certificate }
}
