//! The time that a plan may take, as the command line says it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use parapolicy_control::controller::Deadline;

/// The time that a plan may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DeadlineName {
    /// So long.
    Stated(Duration),
    /// What the loop can spare.
    Loop(Deadline),
}

impl DeadlineName {
    /// The time, if it is stated.
    pub fn stated(self) -> Option<Duration> {
        if let Self::Stated(time) = self { Some(time) } else { None }
    }
}

impl FromStr for DeadlineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("loop") {
            return text.parse().map(Self::Loop).map_err(|error: parapolicy_control::OptionError| error.to_string());
        }
        humantime::parse_duration(text).map(Self::Stated).map_err(|error| format!("{error}; or `loop`"))
    }
}

impl fmt::Display for DeadlineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated(time) => write!(f, "{}", humantime::format_duration(*time)),
            Self::Loop(deadline) => write!(f, "{deadline}"),
        }
    }
}
