//! Estimates a robot's motion from observed positions and the targets that were sent.

use std::ops::Range;

use ndarray::{Array2, ArrayView1};

use super::{Motion, Tracking};

/// Estimates a robot's motion where only its position is observed: the velocity is simulated from the targets that it
/// received.
#[derive(Clone, Debug)]
pub struct Tracker {
    tracking: Tracking,
    /// Entries of an observation that hold the position.
    position: Range<usize>,
    motion: Option<Motion>,
    targets: Array2<f64>,
    executed: usize,
}

impl Tracker {
    /// A tracker for a robot whose position is the entries `position` of an observation.
    pub fn new(tracking: Tracking, position: Range<usize>) -> Self {
        Self { tracking, position, motion: None, targets: Array2::zeros((0, 0)), executed: 0 }
    }

    /// How the robot follows its targets.
    pub fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Begins an episode: the robot stands still at its first observed position.
    pub fn reset(&mut self) {
        self.motion = None;
        self.follow(Array2::zeros((0, 0)));
    }

    /// Takes note of an observation, one control step after the last; before the first target is given, the robot is
    /// at rest.
    ///
    /// # Panics
    /// If the observation ends before the position.
    pub fn observe(&mut self, observation: ArrayView1<'_, f64>) {
        let position: Vec<f64> = self.position.clone().map(|index| observation[index]).collect();
        let velocity = match &self.motion {
            Some(motion) if self.targets.nrows() > 0 => {
                let target = self.targets.row(self.executed.min(self.targets.nrows() - 1)).to_vec();
                self.executed += 1;
                self.tracking.step(motion, &target).velocity
            }
            _ => vec![0.0; position.len()],
        };
        self.motion = Some(Motion { position, velocity });
    }

    /// Takes note of the targets, `[planned, dim]`, that the robot is given from now on.
    pub fn follow(&mut self, targets: Array2<f64>) {
        let targets = if targets.is_standard_layout() { targets } else { targets.as_standard_layout().into_owned() };
        (self.targets, self.executed) = (targets, 0);
    }

    /// The motion at the last observation, and the target in force then: where it stands, if none was given. None
    /// before the first observation.
    pub fn now(&self) -> Option<(&Motion, &[f64])> {
        let motion = self.motion.as_ref()?;
        let last = self.executed.min(self.targets.nrows()).checked_sub(1);
        let target = last.and_then(|last| self.targets.row(last).to_slice());
        Some((motion, target.unwrap_or(&motion.position)))
    }
}
