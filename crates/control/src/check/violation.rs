//! Where a plan fails, and by how much.

use std::fmt;

/// What an action of a plan does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The distance of the first action from the robot's present state.
    Step,
    /// The speed.
    Velocity,
    /// The acceleration.
    Acceleration,
    /// The jerk.
    Jerk,
    /// The distance from the centre of a region.
    Region,
    /// The user's predicate.
    Predicate,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Min | Self::Max => "value",
            Self::Step => "step from the present state",
            Self::Velocity => "velocity",
            Self::Acceleration => "acceleration",
            Self::Jerk => "jerk",
            Self::Region => "distance from the centre",
            Self::Predicate => "predicate",
        }
    }
}

/// The first action of a plan that fails its check.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Index of the action; 0 is that for the time of the observation.
    pub step: usize,
    /// The number of the action, the region, or what the predicate says.
    pub entry: String,
    /// What it does not keep.
    pub rule: Rule,
    /// What it is, in raw units, per second to the power that the rule asks for; NaN of a predicate.
    pub value: f64,
    /// What it must keep; NaN of a predicate.
    pub limit: f64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, entry, rule, value, limit } = self;
        let bound = if matches!(rule, Rule::Min | Rule::Region) { "at least" } else { "at most" };
        match rule {
            Rule::Predicate => write!(f, "action {step}: {entry}"),
            _ => write!(f, "action {step}, {entry}: {} {value}, but {bound} {limit} is allowed", rule.name()),
        }
    }
}
