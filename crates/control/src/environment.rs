//! Environments that policies act on.

use std::time::Duration;

use ndarray::{Array1, ArrayView1, ArrayViewMut1};

use crate::BoxError;
use crate::refine::{Cost, Tracker};

/// Result of one control step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Reward of this step, in `[0, 1]`.
    pub reward: f64,
    /// The task is accomplished.
    pub success: bool,
    /// The episode has ended: the task is accomplished, or time is up.
    pub over: bool,
    /// How far the step went beyond what the environment allows, in its own units; 0 if it kept every limit.
    pub violation: f64,
}

/// A world that a policy acts on: a simulator, or a robot with its sensors.
///
/// Observations and actions are flat and in raw units (pixels, metres, radians): their meaning is agreed between the
/// policy and the environment.
pub trait Environment {
    /// Length of an observation.
    fn observation_dim(&self) -> usize;

    /// Length of an action.
    fn action_dim(&self) -> usize;

    /// Time from one control step to the next.
    fn period(&self) -> Duration;

    /// The action, of length [`Self::action_dim`], that leaves the robot as it is now: where it stands, if actions are
    /// positions; zeros, if they are velocities. It is sent while there is no plan yet.
    fn resting_action(&self) -> Array1<f64>;

    /// Begins an episode. The same seed begins the same episode, where the environment can guarantee that.
    ///
    /// # Errors
    /// The environment cannot begin.
    fn reset(&mut self, seed: u64) -> Result<(), BoxError>;

    /// Writes the current observation, of length [`Self::observation_dim`].
    ///
    /// # Errors
    /// The environment cannot observe.
    fn observe(&mut self, observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError>;

    /// Applies an action, of length [`Self::action_dim`], for one control period.
    ///
    /// # Errors
    /// The environment cannot act.
    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError>;

    /// Writes the numbers from which the environment's painter draws its current state. Observers receive them too.
    /// Writes nothing where there is nothing to draw.
    fn scene(&self, _numbers: &mut Vec<f64>) {}

    /// How the robot follows its actions, for plans that are [refined](crate::refine). None where that is not known.
    ///
    /// # Errors
    /// The policy does not observe what the tracker needs.
    fn tracker(&self) -> Result<Option<Tracker>, BoxError> {
        Ok(None)
    }

    /// What plans must keep away from, each with `margin` around it, in the environment's units.
    ///
    /// # Errors
    /// An invalid margin.
    fn costs(&self, _margin: f64) -> Result<Vec<Box<dyn Cost>>, BoxError> {
        Ok(Vec::new())
    }
}
