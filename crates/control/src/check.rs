//! Plans are checked whole before any of their actions is sent.
//!
//! With `a_0 … a_{n−1}` the actions of a plan, a period `P` apart, and `s` the robot's present state, every number of them keeps
//!
//! ```text
//! min ≤ a_i ≤ max                          |a_0 − s| ≤ step
//! |a_i − a_{i−1}| / P ≤ velocity           i ≥ 1
//! |a_i − 2 a_{i−1} + a_{i−2}| / P² ≤ acceleration              i ≥ 2
//! |a_i − 3 a_{i−1} + 3 a_{i−2} − a_{i−3}| / P³ ≤ jerk          i ≥ 3
//! ```
//!
//! the straight ways between actions stay out of the keep-out regions, and a predicate of the user's finds nothing. All of a plan
//! is looked at, to the end of its horizon: [`Late::Finish`](crate::playback::Late::Finish) may send all of it. The first action
//! that fails is told ([`Violation`]). A plan that fails may be refined, with the bounds and regions as a cost and the policy as
//! prior ([`Policy::refine`](crate::Policy::refine)), and checked again; else it ends before the action that fails, or is not used
//! at all ([`Failing`]).

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2};

mod asked;
mod bounds;
mod penalty;
mod predicate;
mod region;
mod violation;

pub use asked::Asked;
pub use bounds::PlanBounds;
pub use predicate::{Predicate, Rejection};
pub use region::Region;
pub use violation::{Rule, Violation};

use crate::playback::{PlaybackError, field};

/// What a plan has to keep, and what becomes of one that does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanCheck {
    /// Bounds on every number of its actions.
    pub bounds: PlanBounds,
    /// Where it may not lead.
    pub regions: Vec<Region>,
    /// What else is wrong with it, by code of the user's.
    pub predicate: Option<Predicate>,
    /// How long a plan that fails may be refined until it keeps the bounds and regions, more than 0; if none, it is not. It is
    /// done in the worker's thread, counts as the plan's time, and is given up when the time is over.
    pub refine: Option<Duration>,
    /// What becomes of a plan that fails, and of one that fails when it was refined, too.
    pub failing: Failing,
    /// Where the robot's present state, as many numbers as an action has, begins in an observation; if none, the last command is
    /// taken for it.
    pub state: Option<usize>,
    /// What the numbers of an action are called in events; those without a name by their index.
    pub names: Vec<String>,
}

/// What becomes of a plan that fails its check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failing {
    /// It is not used: what is in force goes on.
    #[default]
    Refuse,
    /// It ends before the action that fails; if that is the first, it is not used.
    Cut,
}

impl PlanCheck {
    /// Checks the numbers, for actions of `action_dim` numbers and observations of `observation_dim`.
    ///
    /// # Errors
    /// [`PlaybackError`] names the first that is wrong.
    pub fn validate(&self, action_dim: usize, observation_dim: usize) -> Result<(), PlaybackError> {
        self.bounds.validate(action_dim)?;
        self.regions.iter().try_for_each(|region| region.validate(action_dim))?;
        if self.refine.is_some_and(|within| within.is_zero()) {
            return Err(field("refine", &"0", "more than 0"));
        }
        let fits = |first: &usize| first.checked_add(action_dim).is_some_and(|end| end <= observation_dim);
        match self.state.filter(|first| !fits(first)) {
            Some(first) => Err(PlaybackError::Field {
                field: "state",
                found: first.to_string(),
                expected: "the index of a number of the observation, with as many after it as an action has",
            }),
            None => Ok(()),
        }
    }

    /// Whether nothing is asked of plans.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty() && self.regions.is_empty() && self.predicate.is_none()
    }

    /// The first violation of `plan`, `[n, action_dim]`, by a robot in the state `present`, `[action_dim]`: that of the smallest
    /// step.
    #[must_use]
    pub fn find(&self, plan: ArrayView2<'_, f64>, period: Duration, present: ArrayView1<'_, f64>) -> Option<Violation> {
        let name = |index: usize| self.names.get(index).cloned().unwrap_or_else(|| format!("number {index}"));
        let of_bounds = self.bounds.find(plan, period, present, &name);
        let of_regions =
            self.regions.iter().enumerate().filter_map(|(index, region)| region.find(index, plan, present));
        let of_predicate = self.predicate.as_ref().and_then(|predicate| predicate.find(plan));
        of_bounds.into_iter().chain(of_regions).chain(of_predicate).min_by_key(|violation| violation.step)
    }
}
