//! Sends data with the client that also fetches files.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;

use super::http::config;

/// Sends one request and takes one answer; there is no second attempt.
#[derive(Debug)]
pub struct Poster(Agent);

/// A server's answer, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, which may be that of an error.
    pub status: u16,
    /// Names and values of the headers, as received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// At most 10 MiB.
    pub body: Vec<u8>,
}

impl Poster {
    /// A client that waits at most `patience` for a whole exchange.
    pub fn new(patience: Duration) -> Self {
        Self(config().timeout_global(Some(patience)).build().new_agent())
    }

    /// Sends `body` to `url`.
    ///
    /// # Errors
    ///
    /// When no server answers in time, or when `url` or a header is invalid.
    pub fn post(&self, url: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Result<Answer, PostError> {
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(body).map_err(|error| PostError(error.into()))?;
        let mut answer = self.0.run(request).map_err(PostError)?;
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        let body = answer.body_mut().read_to_vec().map_err(PostError)?;
        Ok(Answer { status: answer.status().as_u16(), headers, body })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PostError(ureq::Error);
