//! What clients may ask of a server.

use std::time::{Duration, Instant};

use parapolicy_policy::Manifest;

use crate::error::ServeError;

/// What clients may ask of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Clients at once.
    pub connections: usize,
    /// Plans of one policy that are drawn at once, in shared batches; others wait.
    pub plans: usize,
    /// Bytes of a message; without it a mebibyte, and room for the policy's observations four times over.
    pub message_bytes: Option<usize>,
    /// Requests a second of one connection.
    pub requests_per_second: u32,
    /// How long a client may be silent: it is asked for a sign of life three times in that time.
    pub silence: Duration,
    /// How long open requests may take when the server ends.
    pub grace: Duration,
}

impl Default for Limits {
    /// 64 clients, 8 plans at once (where `picard` on two cores draws the most), a thousand requests a second, a minute of silence, five seconds of grace.
    fn default() -> Self {
        Self {
            connections: 64,
            plans: 8,
            message_bytes: None,
            requests_per_second: 1000,
            silence: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// Checks that they leave room for anything.
    ///
    /// # Errors
    /// [`ServeError::Limit`] with the first that does not.
    pub fn validate(&self) -> Result<(), ServeError> {
        let wrong = |field, value: &dyn ToString, expected| {
            Err(ServeError::Limit { field, value: value.to_string(), expected })
        };
        if !(1..=65_536).contains(&self.connections) {
            return wrong("connections", &self.connections, "1 to 65536");
        }
        if !(1..=1024).contains(&self.plans) {
            return wrong("plans", &self.plans, "1 to 1024");
        }
        if let Some(bytes) = self.message_bytes.filter(|bytes| !(1024..=1 << 30).contains(bytes)) {
            return wrong("message_bytes", &bytes, "1024 to 1073741824");
        }
        if self.requests_per_second == 0 {
            return wrong("requests_per_second", &0, "at least 1");
        }
        if self.silence < Duration::from_millis(10) {
            return wrong("silence", &format!("{:?}", self.silence), "at least 10ms");
        }
        Ok(())
    }

    /// Bytes of a message for a policy.
    pub(crate) fn message_bytes(&self, manifest: &Manifest) -> usize {
        let observations = manifest.n_obs_steps.saturating_mul(manifest.observation_dim());
        self.message_bytes.unwrap_or_else(|| (1 << 20) + observations.saturating_mul(4 * 8))
    }
}

/// A bucket of requests that fills at a rate, up to those of a second.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    left: f64,
    last: Instant,
}

impl Rate {
    pub fn new(per_second: u32) -> Self {
        Self { per_second, left: per_second.into(), last: Instant::now() }
    }

    /// Takes a request out; whether there was one.
    pub fn take(&mut self, now: Instant) -> bool {
        let rate = f64::from(self.per_second);
        self.left = (self.left + rate * now.saturating_duration_since(self.last).as_secs_f64()).min(rate);
        self.last = now;
        let is_left = self.left >= 1.0;
        self.left -= f64::from(u8::from(is_left));
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let mut rate = Rate::new(2);
        let start = rate.last;
        assert_eq!([(); 3].map(|()| rate.take(start)), [true, true, false]);
        assert!(rate.take(start + Duration::from_millis(501)));
        assert!(!rate.take(start + Duration::from_millis(502)));
    }
}
