//! `modes.json`.

use parapolicy_eval::{Machine, Model};
use serde::Serialize;

/// Version of the format of `modes.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// What a policy is torn between.
#[derive(Debug, Serialize)]
pub struct ModesReport {
    pub schema_version: u32,
    pub command: Vec<String>,
    pub machine: Machine,
    pub model: Model,
    pub solver: String,
    pub steps: usize,
    pub sampler: String,
    /// Plans drawn for each observation.
    pub plans: usize,
    /// Actions of a plan that are compared.
    pub actions: usize,
    /// How wide one way is, in normalised actions.
    pub scale: f64,
    /// Share of the plans' variance that is compared.
    pub kept: f64,
    /// Demonstrations of situations like this one, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demonstrations: Option<NearReport>,
    /// Ways that situations share.
    pub identities: Vec<Identity>,
    pub situations: Vec<SituationReport>,
}

/// A way that keeps its name and colour over an episode.
#[derive(Debug, Serialize)]
pub struct Identity {
    /// Plans of all situations that go it.
    pub plans: usize,
}

/// Demonstrations near a situation.
#[derive(Debug, Serialize)]
pub struct NearReport {
    pub file: String,
    /// How many there are.
    pub near: usize,
    /// The distance of half of them, and of the farthest: the root mean square over the block's keypoints and the agent, px.
    pub distance_px: [f64; 2],
}

/// An observation, and the modes of its plans.
#[derive(Debug, Serialize)]
pub struct SituationReport {
    /// The control step, in an episode.
    pub step: Option<usize>,
    /// P(number of modes, rare ones not counted), at its index.
    pub modes_probability: Vec<f64>,
    /// P(number of modes, rare ones counted), at its index.
    pub all_modes_probability: Vec<f64>,
    /// P(number of components of the mixture), at its index: not the number of modes.
    pub components_probability: Vec<f64>,
    /// Those with most plans first.
    pub modes: Vec<ModeReport>,
    /// The mode of the plan that was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executed: Option<usize>,
    /// The mode that goes on as the plan before had intended; none if no mode does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intended: Option<usize>,
}

/// A way.
#[derive(Debug, Serialize)]
pub struct ModeReport {
    /// Its number in `identities`.
    pub identity: usize,
    pub weight: Share,
    /// Its weight among demonstrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demonstrated: Option<Share>,
    /// Whether it is demonstrated, and the policy's weight is under a tenth of that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// How many plans go it.
    pub plans: usize,
    /// The probability that it is a way of its own, not joined with another.
    pub apart: f64,
    /// Whether fewer than 1 % of the plans go it.
    pub rare: bool,
    /// The number of the plan that stands for it, whose noise has the seed `--seed` plus this number; none if no plan goes it.
    pub medoid: Option<usize>,
    /// That plan, `[horizon, action]`, raw units; of a way that only demonstrations go, one of them from the first action compared on.
    pub actions: Vec<Vec<f64>>,
    /// Numbers of the plans.
    #[serde(skip)]
    pub members: Vec<usize>,
    /// Numbers of the demonstrations.
    #[serde(skip)]
    pub shown: Vec<usize>,
}

/// A weight, and its 95 % credible interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    pub mean: f64,
    pub interval: [f64; 2],
}

impl From<parapolicy_modes::Weight> for Share {
    fn from(weight: parapolicy_modes::Weight) -> Self {
        Self { mean: weight.mean, interval: weight.interval }
    }
}

impl SituationReport {
    /// The probability that there are two modes or more, rare ones not counted.
    pub fn torn(&self) -> f64 {
        self.modes_probability.iter().skip(2).fold(0.0, |sum, share| sum + share)
    }

    /// Whether the plan that was executed goes another way than the plan before had intended, which was still to be had.
    pub fn changed(&self) -> bool {
        matches!((self.executed, self.intended), (Some(executed), Some(intended)) if executed != intended)
    }
}
