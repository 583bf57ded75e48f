//! How the policies of a loop are written on a command line and in a report: `8`, `ensemble:0.1`, `decelerate:300ms`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::controller::Replan;
use crate::playback::{Blend, Late};

/// An unknown option, or an invalid number in it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{given}` is not one of {expected}")]
pub struct OptionError {
    given: String,
    expected: &'static str,
}

/// The name, and the text after its colon.
fn parts(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)))
}

impl FromStr for Replan {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let count = |count: &str| count.parse().ok().filter(|count| *count > 0);
        let found = match parts(text) {
            ("always", None) => Some(Self::Always),
            ("below", Some(actions)) => count(actions).map(Self::Below),
            (observations, None) => count(observations).map(Self::Every),
            _ => None,
        };
        found.ok_or_else(|| OptionError {
            given: text.to_owned(),
            expected: "a number of actions (at least 1), `below:ACTIONS`, `always`",
        })
    }
}

impl fmt::Display for Replan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(observations) => write!(f, "{observations}"),
            Self::Below(actions) => write!(f, "below:{actions}"),
            Self::Always => f.write_str("always"),
        }
    }
}

impl FromStr for Blend {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let decay = |decay: &str| decay.parse().ok().map(|decay| Self::Ensemble { decay });
        let found = match parts(text) {
            ("switch", None) => Some(Self::Switch),
            ("ensemble", Some(text)) => decay(text).filter(|blend| blend.validate().is_ok()),
            _ => None,
        };
        found.ok_or_else(|| OptionError {
            given: text.to_owned(),
            expected: "`switch`, `ensemble:DECAY` (a decay of at least 0)",
        })
    }
}

impl fmt::Display for Blend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("switch"),
            Self::Ensemble { decay } => write!(f, "ensemble:{decay}"),
        }
    }
}

impl FromStr for Late {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let within = |within: &str| humantime::parse_duration(within).ok().map(|within| Self::Decelerate { within });
        let found = match parts(text) {
            ("finish", None) => Some(Self::Finish),
            ("hold", None) => Some(Self::Hold),
            ("decelerate", Some(text)) => within(text).filter(|late| late.validate().is_ok()),
            _ => None,
        };
        found.ok_or_else(|| OptionError {
            given: text.to_owned(),
            expected: "`finish`, `hold`, `decelerate:DURATION` (`decelerate:300ms`, say)",
        })
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finish => f.write_str("finish"),
            Self::Hold => f.write_str("hold"),
            Self::Decelerate { within } => write!(f, "decelerate:{}", humantime::format_duration(*within)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// Formatting and parsing give the same value again.
    fn survives<T: FromStr<Err = OptionError> + fmt::Display + fmt::Debug + PartialEq>(option: T) {
        assert_eq!(option.to_string().parse::<T>(), Ok(option));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(count in 1..1_000_000_usize, decay in 0.0..1e9_f64, ns in 1..u64::MAX / 2) {
            [Replan::Every(count), Replan::Below(count), Replan::Always].into_iter().for_each(survives);
            [Blend::Switch, Blend::Ensemble { decay }].into_iter().for_each(survives);
            [Late::Finish, Late::Hold, Late::Decelerate { within: Duration::from_nanos(ns) }].into_iter().for_each(survives);
        }

        #[test]
        fn whatever_is_given_is_an_option_or_an_error(text in ".{0,20}", number in any::<f64>()) {
            for text in [text, format!("ensemble:{number}"), format!("below:{number}"), format!("decelerate:{number}ms")] {
                if let Ok(Blend::Ensemble { decay }) = text.parse() {
                    prop_assert!(decay >= 0.0 && decay.is_finite());
                }
                if let Ok(Replan::Every(count) | Replan::Below(count)) = text.parse() {
                    prop_assert!(count > 0);
                }
                if let Ok(Late::Decelerate { within }) = text.parse() {
                    prop_assert!(!within.is_zero());
                }
            }
        }
    }

    #[test]
    fn errors_say_what_there_is() {
        let wrong = "0".parse::<Replan>().unwrap_err().to_string();
        assert_eq!(wrong, "`0` is not one of a number of actions (at least 1), `below:ACTIONS`, `always`");
        let wrong = "ensemble:-1".parse::<Blend>().unwrap_err().to_string();
        assert_eq!(wrong, "`ensemble:-1` is not one of `switch`, `ensemble:DECAY` (a decay of at least 0)");
        let wrong = "decelerate:0ms".parse::<Late>().unwrap_err().to_string();
        assert!(wrong.starts_with("`decelerate:0ms` is not one of `finish`, `hold`"), "{wrong}");
    }
}
