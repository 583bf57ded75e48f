//! Constrained refinement: makes a sampled plan keep limits, with the policy as prior.
//!
//! The plan descends ([`Refiner`], score distillation with Adam) from where the sampler left it; the limits are
//! [`Cost`]s on the robot's path, not on the targets: a robot lags behind its targets and overshoots them
//! ([`Tracking`]). The path includes a stop at the last executed target, so that holding that target is always a safe
//! fallback.

use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use parapolicy_policy::{Network, Origin};
use parapolicy_sampler::{ConfigError, Denoiser, Noise, Penalty, Refiner, RefinerConfig, SampleError};
use serde::{Deserialize, Serialize};

mod cost;
mod keep_out;
mod limits;
mod tracker;
mod tracking;
mod units;

pub use cost::{Cost, SettingError};
pub use keep_out::KeepOut;
pub use limits::{AccelerationLimit, SpeedLimit};
pub use tracker::Tracker;
pub use tracking::{Motion, Tracking, Way};
pub(crate) use units::Units;

/// Weight of the cost against the prior: the factor of half the squared excess, in units of normalised actions.
pub(crate) const WEIGHT: f64 = 100.0;

/// Control steps in which a robot comes to rest.
const STOP: usize = 5;

/// Makes plans keep limits.
pub struct Refinement {
    refiner: Refiner,
    tracking: Tracking,
    costs: Vec<Box<dyn Cost>>,
    units: Units,
}

/// Result of a refinement.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// The actions to execute, `[n_action_steps, action_dim]`, in raw units.
    pub actions: Array2<f64>,
    /// Its cost.
    pub cost: RefinementCost,
}

/// Cost and result of a refinement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RefinementCost {
    /// From the sampled plan to the refined one.
    pub latency: Duration,
    /// Network calls that had to wait for each other; 0 if the sampled plan kept every limit.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// How far the worst limit was exceeded by the sampled plan.
    pub sampled_violation: f64,
    /// How far the worst limit is exceeded by the actions handed out.
    pub violation: f64,
    /// The refined plan did not keep the limits; the fallback, to hold the last target, exceeds them less.
    pub held: bool,
}

impl Refinement {
    /// Refinement of `network`'s plans for a robot that moves as `tracking` says and keeps the limits `costs`.
    ///
    /// # Errors
    /// An invalid number of steps, window or tolerance; or a network whose plans include observations.
    pub fn new(
        network: &Network,
        config: RefinerConfig,
        tracking: Tracking,
        costs: Vec<Box<dyn Cost>>,
    ) -> Result<Self, ConfigError> {
        let (refiner, manifest) = (refiner(network, config)?, network.manifest());
        Ok(Self { refiner, tracking, costs, units: Units::of(manifest, manifest.executed_steps()) })
    }

    /// Refines `sample`, a normalised plan `[horizon · action_dim]` for the observation that `origin` is of, for a robot in `motion` that may hold the target
    /// `hold` if nothing better is found. `seed` fixes the noise; `denoiser` has the observation bound.
    ///
    /// A plan that keeps every limit and its margin is returned unchanged, without calling the network.
    ///
    /// # Errors
    /// If the network fails.
    pub fn refine(
        &mut self,
        denoiser: &mut dyn Denoiser,
        sample: ArrayView1<'_, f32>,
        origin: &Origin,
        motion: &Motion,
        hold: &[f64],
        seed: u64,
    ) -> Result<Refined, SampleError> {
        let started = Instant::now();
        let Self { refiner, tracking, costs, units } = self;
        let limits = Limits { tracking, costs, units, origin, motion };
        let sampled = units.targets(sample, origin);
        let sampled_violation = limits.violation(sampled.view());
        let mut cost = RefinementCost { sampled_violation, violation: sampled_violation, ..RefinementCost::default() };
        let mut actions = sampled;
        if limits.cost(actions.view()).0 > 0.0 {
            let noise = Noise::draw(seed, refiner.config().steps, refiner.dim());
            let refined = refiner.refine(denoiser, sample, &limits, &noise)?;
            actions = units.targets(refined.plan(), origin);
            cost.rounds = refined.statistics().rounds;
            cost.evaluations = refined.statistics().evaluations;
            cost.violation = limits.violation(actions.view());
        }
        if cost.violation > 0.0 {
            let holding = ArrayView1::from(hold).insert_axis(Axis(0));
            let holding = holding.broadcast(actions.dim()).map_or_else(|| actions.clone(), |held| held.to_owned());
            let violation = limits.violation(holding.view());
            if violation < cost.violation {
                (actions, cost.violation, cost.held) = (holding, violation, true);
            }
        }
        cost.latency = started.elapsed();
        Ok(Refined { actions, cost })
    }

    /// Refines for the robot that `tracker` follows, and passes the targets on to it; none before the first
    /// observation.
    pub(crate) fn refine_for(
        &mut self,
        tracker: &mut Tracker,
        denoiser: &mut dyn Denoiser,
        sample: ArrayView1<'_, f32>,
        origin: &Origin,
        seed: u64,
    ) -> Result<Option<Refined>, SampleError> {
        let Some((motion, hold)) = tracker.now() else { return Ok(None) };
        let refined = self.refine(denoiser, sample, origin, motion, hold, seed)?;
        tracker.follow(refined.actions.clone());
        Ok(Some(refined))
    }
}

/// A refiner of a network's plans.
pub(crate) fn refiner(network: &Network, config: RefinerConfig) -> Result<Refiner, ConfigError> {
    let manifest = network.manifest();
    if manifest.inpaints() {
        return Err(ConfigError::Unsupported {
            field: "refinement",
            value: "of plans that observations are a part of".into(),
            supported: "a policy that has them as an input".into(),
        });
    }
    Refiner::new(&manifest.scheduler, config, manifest.sample_dim())
}

/// The limits, with the robot's current motion.
struct Limits<'a> {
    tracking: &'a Tracking,
    costs: &'a [Box<dyn Cost>],
    units: &'a Units,
    origin: &'a Origin,
    motion: &'a Motion,
}

impl Limits<'_> {
    fn way(&self, targets: ArrayView2<'_, f64>) -> Way {
        self.tracking.way(self.motion, targets, STOP)
    }

    fn violation(&self, targets: ArrayView2<'_, f64>) -> f64 {
        let way = self.way(targets);
        // What is not a number keeps no limit.
        let worst = |worst: f64, violation: f64| if violation.is_nan() { f64::INFINITY } else { worst.max(violation) };
        let way_is_known = way.positions.iter().all(|position| position.is_finite());
        let least = if way_is_known { 0.0 } else { f64::INFINITY };
        self.costs.iter().map(|cost| cost.violation(&way)).fold(least, worst)
    }

    /// The cost and its gradient by the targets, in raw units.
    fn cost(&self, targets: ArrayView2<'_, f64>) -> (f64, Array2<f64>) {
        let way = self.way(targets);
        let mut gradient = Array2::zeros(way.positions.dim());
        let cost = self.costs.iter().map(|cost| cost.add_gradient(&way, gradient.view_mut())).sum();
        (cost, self.tracking.pull_back(gradient.view(), way.planned))
    }
}

impl Penalty for Limits<'_> {
    fn add_gradient(&self, plan: &[f32], gradient: &mut [f32]) {
        let (_, by_target) = self.cost(self.units.targets(plan.into(), self.origin).view());
        let Units { scale, .. } = self.units;
        let length = scale.mean().unwrap_or(1.0);
        let first = self.units.first();
        for ((gradient, by_target), scale) in gradient[first..].iter_mut().zip(&by_target).zip(scale) {
            *gradient += (WEIGHT * by_target * scale / (length * length)) as f32;
        }
    }
}
