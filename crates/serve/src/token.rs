//! The word that clients must know.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

use crate::error::ServeError;

/// A token, by its hash: what a client says is compared in a time that does not depend on where it differs.
#[derive(Clone, Debug)]
pub struct Token([u8; 32]);

impl Token {
    const LEAST: usize = 16;

    /// A token of 16 visible ASCII characters at least.
    ///
    /// # Errors
    /// [`ServeError::Token`] for another one.
    pub fn new(token: &str) -> Result<Self, ServeError> {
        if token.len() < Self::LEAST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServeError::Token { found: token.chars().count(), least: Self::LEAST });
        }
        Ok(Self(hash(token)))
    }

    /// Whether a request has it: `Authorization: Api-Key TOKEN`, as openpi's client sends it, or `Bearer TOKEN`.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let word = said.and_then(|said| said.strip_prefix("Api-Key ").or_else(|| said.strip_prefix("Bearer ")));
        let differ = |word: &str| hash(word).iter().zip(&self.0).fold(0, |differ, (a, b)| differ | (a ^ b));
        word.is_some_and(|word| differ(word) == 0)
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
