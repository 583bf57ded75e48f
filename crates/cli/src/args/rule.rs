//! How plans follow each other, as a study compares it.

use std::fmt;
use std::str::FromStr;

use parapolicy_control::OptionError;
use parapolicy_control::controller::Continuity;
use parapolicy_control::playback::Blend;

/// How a plan follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The newest plan is followed.
    Continuity(Continuity),
    /// Independent plans are combined.
    Blend(Blend),
}

impl Rule {
    /// How plans are combined.
    pub fn blend(self) -> Blend {
        if let Self::Blend(blend) = self { blend } else { Blend::Switch }
    }

    /// How they are drawn.
    pub fn continuity(self) -> Continuity {
        if let Self::Continuity(continuity) = self { continuity } else { Continuity::Independent }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("ensemble") || text.starts_with("queue") {
            return text.parse().map(Self::Blend).map_err(|error: OptionError| error.to_string());
        }
        let problem = |error: OptionError| format!("{error}, `ensemble:DECAY`, `queue:SHARE`");
        text.parse().map(Self::Continuity).map_err(problem)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continuity(continuity) => continuity.fmt(f),
            Self::Blend(blend) => blend.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        for text in ["independent", "hard", "linear:0.5", "exponential", "ensemble:0.01", "queue:0.7"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        let refused = "switch".parse::<Rule>().unwrap_err();
        assert!(
            refused.starts_with("`switch` is not one of `independent`") && refused.ends_with("`queue:SHARE`"),
            "{refused}"
        );
        assert_eq!(
            "queue:2".parse::<Rule>().unwrap_err(),
            "`queue:2`: newest is 2, but must be more than 0 and at most 1"
        );
    }
}
