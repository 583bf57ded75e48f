//! How the policies of a loop are written on a command line and in a report: `8`, `ensemble:0.1`, `decelerate:300ms`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::controller::{Continuity, Deadline, Fade, Replan};
use crate::playback::{Blend, Late};

/// An unknown option, or an invalid number in it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionError {
    /// It is none of the options.
    #[error("`{given}` is not one of {expected}")]
    Unknown {
        /// What was given.
        given: String,
        /// What there is.
        expected: &'static str,
    },
    /// It has a number that the option does not take.
    #[error("`{given}`: {problem}")]
    Invalid {
        /// What was given.
        given: String,
        /// What the option's own check says: the same in every language.
        problem: String,
    },
}

/// What was found, if anything was and its own check finds nothing wrong.
fn checked<T: Copy, E: fmt::Display>(
    given: &str,
    found: Option<T>,
    expected: &'static str,
    check: impl FnOnce(T) -> Result<(), E>,
) -> Result<T, OptionError> {
    let found = found.ok_or_else(|| OptionError::Unknown { given: given.to_owned(), expected })?;
    match check(found) {
        Ok(()) => Ok(found),
        Err(problem) => Err(OptionError::Invalid { given: given.to_owned(), problem: problem.to_string() }),
    }
}

/// The name, and the text after its colon.
fn parts(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)))
}

impl FromStr for Replan {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let count = |count: &str| count.parse().ok();
        let found = match parts(text) {
            ("always", None) => Some(Self::Always),
            ("below", Some(actions)) => count(actions).map(Self::Below),
            (observations, None) => count(observations).map(Self::Every),
            _ => None,
        };
        checked(text, found, "a number of actions (at least 1), `below:ACTIONS`, `always`", Self::validate)
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
            ("ensemble", Some(text)) => decay(text),
            ("queue", Some(text)) => text.parse().ok().map(|newest| Self::Queue { newest }),
            _ => None,
        };
        checked(
            text,
            found,
            "`switch`, `ensemble:DECAY` (a decay of at least 0), `queue:SHARE` (of the newest plan)",
            Self::validate,
        )
    }
}

impl fmt::Display for Blend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("switch"),
            Self::Ensemble { decay } => write!(f, "ensemble:{decay}"),
            Self::Queue { newest } => write!(f, "queue:{newest}"),
        }
    }
}

impl FromStr for Continuity {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let (name, quantile) = parts(text);
        let fade = match name {
            "hard" => Some(Fade::Hard),
            "linear" => Some(Fade::Linear),
            "exponential" => Some(Fade::Exponential),
            _ => None,
        };
        let found = match (name, quantile) {
            ("independent", None) => Some(Self::Independent),
            (_, None) => fade.map(Self::inpaint),
            (_, Some(text)) => fade.zip(text.parse().ok()).map(|(fade, quantile)| Self::Inpaint { fade, quantile }),
        };
        let expected = "`independent`, `hard`, `linear`, `exponential` (the last three with a quantile of the delay, `hard:0.5` say)";
        checked(text, found, expected, Self::validate)
    }
}

impl fmt::Display for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Inpaint { fade, quantile } = *self else { return f.write_str("independent") };
        f.write_str(match fade {
            Fade::Hard => "hard",
            Fade::Linear => "linear",
            Fade::Exponential => "exponential",
        })?;
        if quantile == Self::QUANTILE { Ok(()) } else { write!(f, ":{quantile}") }
    }
}

impl FromStr for Deadline {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let found = match parts(text) {
            ("own", None) => Some(Self::Own),
            ("loop", None) => Some(Self::of_loop()),
            ("loop", Some(text)) => text.parse().ok().map(|quantile| Self::Loop { quantile }),
            _ => None,
        };
        checked(text, found, "`own`, `loop` (with a quantile of the excess, `loop:0.5`)", Self::validate)
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            loops if *loops == Self::of_loop() => f.write_str("loop"),
            Self::Loop { quantile } => write!(f, "loop:{quantile}"),
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
            ("decelerate", Some(text)) => within(text),
            _ => None,
        };
        checked(text, found, "`finish`, `hold`, `decelerate:DURATION` (`decelerate:300ms`, say)", Self::validate)
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
        fn what_is_written_is_read_again(count in 1..1_000_000_usize, decay in 0.0..1e9_f64, ns in 1..u64::MAX / 2, quantile in 1e-9..=1.0) {
            [Replan::Every(count), Replan::Below(count), Replan::Always].into_iter().for_each(survives);
            [Blend::Switch, Blend::Ensemble { decay }, Blend::Queue { newest: quantile }].into_iter().for_each(survives);
            let fades = [Fade::Hard, Fade::Linear, Fade::Exponential];
            fades.map(|fade| Continuity::Inpaint { fade, quantile }).into_iter().for_each(survives);
            [Deadline::Own, Deadline::of_loop(), Deadline::Loop { quantile }].into_iter().for_each(survives);
            fades.map(Continuity::inpaint).into_iter().chain([Continuity::Independent]).for_each(survives);
            [Late::Finish, Late::Hold, Late::Decelerate { within: Duration::from_nanos(ns) }].into_iter().for_each(survives);
        }

        #[test]
        fn whatever_is_given_is_an_option_or_an_error(text in ".{0,20}", number in any::<f64>()) {
            let with_number = ["ensemble", "below", "decelerate", "hard"].map(|name| format!("{name}:{number}"));
            for text in with_number.into_iter().chain([text, format!("decelerate:{number}ms")]) {
                if let Ok(Continuity::Inpaint { quantile, .. }) = text.parse() {
                    prop_assert!(quantile > 0.0 && quantile <= 1.0);
                }
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
        let wrong = |error: OptionError| error.to_string();
        let unknown = wrong("often".parse::<Replan>().unwrap_err());
        assert_eq!(unknown, "`often` is not one of a number of actions (at least 1), `below:ACTIONS`, `always`");
        let unknown = wrong("mean".parse::<Blend>().unwrap_err());
        assert_eq!(
            unknown,
            "`mean` is not one of `switch`, `ensemble:DECAY` (a decay of at least 0), `queue:SHARE` (of the newest plan)"
        );
        let unknown = wrong("decelerate:-1s".parse::<Late>().unwrap_err());
        assert!(unknown.starts_with("`decelerate:-1s` is not one of `finish`, `hold`"), "{unknown}");
    }

    /// What is said of a number is what the option's own check says, in every language.
    #[test]
    fn a_number_is_refused_in_the_words_of_the_option() {
        let wrong = |error: OptionError| error.to_string();
        let cases = [
            (wrong("0".parse::<Replan>().unwrap_err()), "`0`: replan_every is 0, but must be at least 1"),
            (wrong("below:0".parse::<Replan>().unwrap_err()), "`below:0`: replan_below is 0, but must be at least 1"),
            (
                wrong("ensemble:-1".parse::<Blend>().unwrap_err()),
                "`ensemble:-1`: decay is -1, but must be finite and not negative",
            ),
            (
                wrong("ensemble:NaN".parse::<Blend>().unwrap_err()),
                "`ensemble:NaN`: decay is NaN, but must be finite and not negative",
            ),
            (
                wrong("queue:0".parse::<Blend>().unwrap_err()),
                "`queue:0`: newest is 0, but must be more than 0 and at most 1",
            ),
            (
                wrong("hard:0".parse::<Continuity>().unwrap_err()),
                "`hard:0`: quantile is 0, but must be more than 0 and at most 1",
            ),
            (
                wrong("linear:NaN".parse::<Continuity>().unwrap_err()),
                "`linear:NaN`: quantile is NaN, but must be more than 0 and at most 1",
            ),
            (
                wrong("loop:0".parse::<Deadline>().unwrap_err()),
                "`loop:0`: quantile is 0, but must be more than 0 and at most 1",
            ),
            (
                wrong("decelerate:0ms".parse::<Late>().unwrap_err()),
                "`decelerate:0ms`: within is 0, but must be more than 0",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
