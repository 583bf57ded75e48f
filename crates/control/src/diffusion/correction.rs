//! Refines the plan drawn last until it keeps a check.

use std::time::Instant;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use parapolicy_policy::{BoundPlans, Network, Origin};
use parapolicy_sampler::{BatchedDenoiser as _, ConfigError, Denoiser, Noise, Penalty, Refiner, RefinerConfig};
use thiserror::Error;

use crate::BoxError;
use crate::check::Asked;
use crate::refine::{RefinementCost, Units, WEIGHT, refiner};

/// The plan drawn last.
pub(super) struct Drawn {
    /// Normalised, `[horizon · action_dim]`.
    pub sample: Array1<f32>,
    /// What its actions are relative to.
    pub origin: Origin,
    /// How firmly each value was held, if actions were committed to.
    pub held: Option<Array1<f32>>,
    /// Of its noise.
    pub seed: u64,
}

/// Refines plans; its buffers are allocated when the first one is to be refined.
pub(super) struct Correction {
    refiner: Refiner,
    /// From the newest observation to the end of the horizon.
    units: Units,
}

/// The time was over before the plan was refined.
#[derive(Debug, Error)]
#[error("it took longer than it may")]
struct TooLate;

impl Correction {
    pub fn new(network: &Network) -> Result<Self, ConfigError> {
        let manifest = network.manifest();
        let steps = manifest.executed_steps().start..manifest.horizon;
        Ok(Self { refiner: refiner(network, RefinerConfig::default())?, units: Units::of(manifest, steps) })
    }

    /// The sample that comes of it, normalised, and what it took. Actions that the plan was held to stay as they are: they will
    /// have been sent.
    pub fn correct(
        &mut self,
        bound: BoundPlans<'_>,
        drawn: &Drawn,
        asked: &Asked<'_>,
    ) -> Result<(Array1<f32>, RefinementCost), BoxError> {
        let started = Instant::now();
        let Self { refiner, units } = self;
        let penalty = Bounded { asked, units, origin: &drawn.origin, held: drawn.held.as_ref() };
        let mut denoiser = InTime { bound, until: asked.until, late: false };
        // The sampler has used the seed; the complement gives independent noise.
        let noise = Noise::draw(!drawn.seed, refiner.config().steps, refiner.dim());
        let refined = refiner.refine(&mut denoiser, drawn.sample.view(), &penalty, &noise);
        let refined = match refined {
            Err(_) if denoiser.late => return Err(TooLate.into()),
            refined => refined?,
        };
        let (rounds, evaluations) = (refined.statistics().rounds, refined.statistics().evaluations);
        let cost = RefinementCost { rounds, evaluations, latency: started.elapsed(), ..RefinementCost::default() };
        Ok((refined.plan().to_owned(), cost))
    }
}

/// What a plan is asked to keep, as a penalty.
struct Bounded<'a, 'b> {
    asked: &'a Asked<'b>,
    units: &'a Units,
    origin: &'a Origin,
    held: Option<&'a Array1<f32>>,
}

impl Penalty for Bounded<'_, '_> {
    fn add_gradient(&self, plan: &[f32], gradient: &mut [f32]) {
        let Self { asked, units, origin, held } = self;
        let actions = units.targets(ArrayView1::from(plan), origin);
        let mut by_value = Array2::zeros(actions.dim());
        asked.check.add_gradient(actions.view(), asked.period, asked.present, units.scale.row(0), by_value.view_mut());
        let first = units.first();
        gradient[first..].iter_mut().zip(&by_value).for_each(|(gradient, by)| *gradient += (WEIGHT * by) as f32);
        for (gradient, held) in gradient.iter_mut().zip(held.iter().flat_map(|held| held.iter())) {
            *gradient = if *held < 1.0 { *gradient } else { 0.0 };
        }
    }
}

/// A network with an observation bound, which is asked nothing any more when the time is over.
struct InTime<'a> {
    bound: BoundPlans<'a>,
    until: Option<Instant>,
    late: bool,
}

impl Denoiser for InTime<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.late = self.until.is_some_and(|until| Instant::now() >= until);
        if self.late {
            return Err(TooLate.into());
        }
        self.bound.predict_batched(&vec![0; samples.nrows()], samples, timesteps, prediction)
    }
}
