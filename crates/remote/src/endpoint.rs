//! One server, as HTTP reaches it.

use std::time::Duration;

use parapolicy_files::printable;
use serde::de::DeserializeOwned;
use ureq::{Agent, Body, http::Response};

use crate::{
    RemoteError,
    metadata::Metadata,
    wire::{Encoding, HEADER_LENGTH},
};

/// Bytes of an answer that holds no tensors, at most.
const LONGEST_METADATA: u64 = 1 << 20;

/// Characters of a refusal that are repeated.
const LONGEST_SAID: usize = 300;

/// A model on a server. Connections are kept and used again.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    url: String,
    agent: Agent,
}

/// An answer to a batch, not yet read.
pub(crate) struct Answer {
    pub body: Vec<u8>,
    /// Length of the JSON that binary tensors follow, if any do.
    pub header: Option<String>,
}

impl Endpoint {
    /// The model at an address; nothing is sent.
    ///
    /// # Errors
    /// An address that is no model's.
    pub fn new(url: &str) -> Result<Self, RemoteError> {
        let problem = |problem| RemoteError::Url { url: printable(url).into_owned(), problem };
        let url = url.trim_end_matches('/');
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let rest = rest.ok_or_else(|| problem("begins with neither http:// nor https://"))?;
        let (host, model) = rest.split_once("/v2/models/").ok_or_else(|| problem("names no model"))?;
        let path: Vec<_> = model.split('/').collect();
        let is_plain =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && !"?#\\".contains(c));
        match path.as_slice() {
            _ if host.is_empty() || !host.split('/').all(is_plain) => Err(problem("names no host")),
            [name] if is_plain(name) => Ok(()),
            [name, "versions", version] if is_plain(name) && is_plain(version) => Ok(()),
            _ => Err(problem("names no model")),
        }?;
        let config = Agent::config_builder()
            // Statuses are read here, and what a server says with them.
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self { url: url.to_owned(), agent: config.new_agent() })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The version that the address names, if it names one.
    pub fn version(&self) -> Option<&str> {
        self.url.split_once("/versions/").map(|(_, version)| version)
    }

    /// What the server says of the model.
    ///
    /// # Errors
    /// A server that is not reached, or refuses; an answer that is not the protocol's.
    pub fn metadata(&self, timeout: Duration) -> Result<Metadata, RemoteError> {
        let sent = self.agent.get(&self.url).config().timeout_global(Some(timeout)).build().call();
        let mut response = self.accepted(sent)?;
        let read = response.body_mut().with_config().limit(LONGEST_METADATA).read_to_vec();
        self.json(&read.map_err(|source| self.lost(source))?)
    }

    /// Asks for a batch; the answer has `longest` bytes at most.
    ///
    /// # Errors
    /// As for [`metadata`](Self::metadata).
    pub fn infer(
        &self,
        body: &[u8],
        json_length: usize,
        encoding: Encoding,
        longest: u64,
        timeout: Duration,
    ) -> Result<Answer, RemoteError> {
        let request = self.agent.post(format!("{}/infer", self.url)).config().timeout_global(Some(timeout)).build();
        let sent = match encoding {
            Encoding::Json => request.content_type("application/json").send(body),
            Encoding::Binary => request
                .content_type("application/octet-stream")
                .header(HEADER_LENGTH, json_length.to_string())
                .send(body),
        };
        let mut response = self.accepted(sent)?;
        let header =
            response.headers().get(HEADER_LENGTH).map(|value| String::from_utf8_lossy(value.as_bytes()).into());
        let body = response.body_mut().with_config().limit(longest).read_to_vec();
        Ok(Answer { body: body.map_err(|source| self.lost(source))?, header })
    }

    /// The response, unless it is a refusal.
    fn accepted(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, RemoteError> {
        let mut response = sent.map_err(|source| self.lost(source))?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response);
        }
        let text = response.body_mut().with_config().limit(LONGEST_METADATA).lossy_utf8(true).read_to_string();
        let said: String = printable(text.unwrap_or_default().trim()).chars().take(LONGEST_SAID).collect();
        Err(RemoteError::Status { url: self.url.clone(), status, said })
    }

    fn json<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, RemoteError> {
        serde_json::from_slice(text)
            .map_err(|error| self.wrong(format!("describes the model in no way known ({error})")))
    }

    fn lost(&self, source: ureq::Error) -> RemoteError {
        match source {
            ureq::Error::BodyExceedsLimit(limit) => self.wrong(format!("answers with more than {limit} bytes")),
            source => RemoteError::Connection { url: self.url.clone(), source: source.into() },
        }
    }

    /// An answer that is not what was asked for.
    pub fn wrong(&self, problem: impl Into<String>) -> RemoteError {
        RemoteError::Answer { url: self.url.clone(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_models() {
        for url in ["http://h:8000/v2/models/m", "https://h/v2/models/m/versions/3/", "http://[::1]:1/a/v2/models/m"] {
            assert_eq!(Endpoint::new(url).unwrap().url(), url.trim_end_matches('/'));
        }
        assert_eq!(Endpoint::new("http://h/v2/models/m/versions/3").unwrap().version(), Some("3"));
        let said: Vec<_> =
            ["h:8000", "http://h:8000", "http:///v2/models/m", "http://h/v2/models/m/infer", "http://h/v2/models/m?x"]
                .map(|url| Endpoint::new(url).unwrap_err().to_string())
                .into();
        insta::assert_snapshot!(said.join("\n"), @"
        endpoint: `h:8000` begins with neither http:// nor https://; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION
        endpoint: `http://h:8000` names no model; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION
        endpoint: `http:///v2/models/m` names no host; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION
        endpoint: `http://h/v2/models/m/infer` names no model; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION
        endpoint: `http://h/v2/models/m?x` names no model; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION
        ");
    }
}
