//! Deviation of a policy in a lower precision from the same policy in f32.
//!
//! With p and r the two predictions for the same row, x and y the plans that `sequential` draws from them under the
//! same noise, and X and Y the actions of these:
//!
//! ```text
//! prediction = max ‖p − r‖ / ‖r‖     over rows of noise, at timesteps from all over the schedule
//! plan       = max |x_i − y_i|        over the values of all plans, normalised
//! actions    = max |X_i − Y_i|        over an entry of all actions, in raw units
//! ```

use std::{array, collections::BTreeMap, fmt};

use ndarray::{Array1, Array2, ArrayView1, s};
use parapolicy_sampler::{
    BatchedDenoiser as _, BatchedSampler, BoxError, ConfigError, Noise, SampleError, Strategy, Table,
};
use serde::{Deserialize, Serialize};

use parapolicy_policy::{BoundPlans, Manifest, Network, PolicyError};

use crate::trial_observations::trial_observations;

/// Plans that are drawn, each for an observation of its own.
const PLANS: usize = 4;

/// Timesteps of the predictions for each of these observations.
const TIMESTEPS: usize = 8;

/// How far a policy computes from a reference: the same policy, run by the same provider in f32. Encoders are not
/// compared, since they always compute in f32.
///
/// # Example
/// The deviation of bf16, where the processor supports it:
/// ```no_run
/// use parapolicy_eval::Deviation;
/// use parapolicy_policy::{Inference, Network, Precision};
/// use parapolicy_sampler::{Solver, Table};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let load = |precision| -> Result<_, Box<dyn std::error::Error>> {
///     let provider = Inference { precision, ..Inference::default() }.open(&())?;
///     Ok(Network::load("models/pusht".as_ref(), &provider)?)
/// };
/// let (mut policy, mut reference) = (load(Precision::Bf16)?, load(Precision::F32)?);
/// let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, 100)?;
/// println!("{}", Deviation::measure(&mut policy, &mut reference, &table, &[])?); // observations, if you have some
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// In which the policy's products are computed: `bf16` or `f16`.
    pub precision: String,
    /// The largest of any prediction: Euclidean norm of the difference over that of the reference's.
    pub prediction: f64,
    /// The largest of any value of a plan by `sequential` under the same noise, in normalised units.
    pub plan: f64,
    /// The same of its actions in raw units: the largest of each entry, by the name that it has in the manifest.
    pub actions: BTreeMap<String, f64>,
}

/// Why a deviation cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviationError {
    /// They are not the same policy.
    #[error(
        "the reference of policy `{policy}` has another manifest, named `{reference}`: load both from one directory"
    )]
    Reference {
        /// The policy's name.
        policy: String,
        /// The reference's.
        reference: String,
    },
    /// The observations do not fit the policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The table is not one for its plans.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network failed.
    #[error("the network failed while its precision was measured")]
    Network(#[source] BoxError),
    /// No plan can be drawn, or a prediction is not finite.
    #[error(transparent)]
    Sample(#[from] SampleError),
}

impl Deviation {
    /// Lets both predict and sample plans, with the same noise in every measurement. `table` says how plans are drawn.
    ///
    /// `met` are observations `[n_obs_steps, observation_dim]`, in raw units, as the policy meets them: a handful of
    /// them is taken, spread over all. Without any, they are drawn from the ranges in the manifest, and few are likely
    /// ones.
    ///
    /// # Errors
    /// A reference that is another policy, an observation that does not fit it, and a network that fails or whose
    /// prediction is not finite, which can happen in f16.
    pub fn measure(
        policy: &mut Network,
        reference: &mut Network,
        table: &Table,
        met: &[Array2<f64>],
    ) -> Result<Self, DeviationError> {
        if policy.manifest() != reference.manifest() {
            let [policy, reference] = [policy, reference].map(|policy| policy.manifest().name.clone());
            return Err(DeviationError::Reference { policy, reference });
        }
        let observations = trial_observations(policy.manifest(), met);
        let [found, expected] = [Said::of(policy, table, &observations)?, Said::of(reference, table, &observations)?];
        let predictions = found.predictions.rows().into_iter().zip(expected.predictions.rows());
        let plans = || found.plans.iter().zip(&expected.plans);
        let mut actions = Vec::with_capacity(PLANS);
        for ((plan, other), observation) in plans().zip(&observations) {
            let origin = reference.origin(observation.view())?;
            actions.push([plan, other].map(|plan| reference.actions(plan.view(), &origin)));
        }
        Ok(Self {
            precision: policy.provider().precision().to_string(),
            prediction: predictions.map(|(row, other)| relative(row, other)).fold(0.0, f64::max),
            plan: plans().map(|(plan, other)| greatest(plan - other)).fold(0.0, f64::max),
            actions: of_entries(reference.manifest(), &actions),
        })
    }
}

/// Predictions and plans of one policy.
struct Said {
    /// A row for each observation and timestep.
    predictions: Array2<f32>,
    plans: Vec<Array1<f32>>,
}

impl Said {
    fn of(policy: &mut Network, table: &Table, observations: &[Array2<f64>; PLANS]) -> Result<Self, DeviationError> {
        let (dim, trained) = (policy.manifest().sample_dim(), policy.manifest().scheduler.num_train_timesteps);
        let mut sampler = BatchedSampler::new(table.clone(), Strategy::sequential(), dim, PLANS)?;
        let noises: [Noise; PLANS] = array::from_fn(|plan| Noise::draw(plan as u64, table.steps(), dim));
        let mut denoiser = policy.bind_batched(observations.iter().map(|observation| observation.view()))?;
        let predictions = predict(&mut denoiser, dim, trained)?;
        let plans = sampler.sample(&mut denoiser, &noises)?.iter().map(|sample| sample.sample().to_owned()).collect();
        Ok(Self { predictions, plans })
    }
}

/// Predictions for noise, at timesteps spread over the `trained` ones.
fn predict(denoiser: &mut BoundPlans<'_>, dim: usize, trained: usize) -> Result<Array2<f32>, DeviationError> {
    let rows = PLANS * TIMESTEPS;
    let plans: Vec<usize> = (0..rows).map(|row| row / TIMESTEPS).collect();
    let timestep = |row: usize| (row % TIMESTEPS * (trained - 1) / (TIMESTEPS - 1)) as f32;
    let timesteps: Vec<f32> = (0..rows).map(timestep).collect();
    let noise = Noise::draw(0, rows, dim);
    let mut predictions = Array2::zeros((rows, dim));
    let predicted = denoiser.predict_batched(&plans, noise.steps(), &timesteps, predictions.view_mut());
    predicted.map_err(DeviationError::Network)?;
    // A maximum ignores NaN, so finiteness is checked separately.
    match predictions.rows().into_iter().zip(timesteps).find(|(row, _)| !row.iter().all(|value| value.is_finite())) {
        Some((_, timestep)) => Err(SampleError::PredictionNotFinite { timestep }.into()),
        None => Ok(predictions),
    }
}

/// The norm of the difference over the norm of what is expected.
fn relative(found: ArrayView1<'_, f32>, expected: ArrayView1<'_, f32>) -> f64 {
    let norm = |values: Array1<f64>| values.dot(&values).sqrt();
    let [found, expected] = [found, expected].map(|values| values.mapv(f64::from));
    let apart = norm(found - &expected);
    if apart > 0.0 { apart / norm(expected) } else { 0.0 }
}

/// The largest difference of two plans; not a number if any is none.
pub fn largest_difference(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let larger = |most: f64, off: f64| if off <= most { most } else { off };
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, larger)
}

/// The largest magnitude.
fn greatest<T: Into<f64>>(values: impl IntoIterator<Item = T>) -> f64 {
    values.into_iter().fold(0.0, |most, value| most.max(value.into().abs()))
}

/// The largest difference of each entry over pairs of actions `[horizon, action_dim]`.
fn of_entries(manifest: &Manifest, pairs: &[[Array2<f64>; 2]]) -> BTreeMap<String, f64> {
    let mut first = 0;
    let entries = manifest.actions.iter().map(|entry| {
        let columns = s![.., first..first + entry.len()];
        first += entry.len();
        let apart = pairs.iter().map(|[one, other]| greatest(&one.slice(columns) - &other.slice(columns)));
        (entry.name.clone(), apart.fold(0.0, f64::max))
    });
    entries.collect()
}

/// For reports: `bf16 beside f32: predictions differ by 2.8e-3 of their norm at most, plans by 2.2e-3 (normalised),
/// target by
/// 0.53`.
impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { precision, prediction, plan, actions } = self;
        write!(f, "{precision} beside f32: predictions differ by {prediction:.1e} of their norm at most, ")?;
        write!(f, "plans by {plan:.1e} (normalised)")?;
        actions.iter().try_for_each(|(name, apart)| write!(f, ", {name} by {}", two_digits(*apart)))
    }
}

/// Written out to its second digit, six after the point at most.
fn two_digits(value: f64) -> String {
    let decimals = (1.0 - value.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn differences_are_over_the_norm_of_the_reference() {
        let (found, expected) = (array![3.0, 8.0, 2.0], array![3.0, 0.0, -4.0]);
        assert_eq!(relative(found.view(), expected.view()), 2.0, "10 over 5");
        let nothing = Array1::zeros(3);
        assert_eq!(relative(nothing.view(), nothing.view()), 0.0, "even of nothing");
        assert_eq!(greatest(expected - found), 8.0);
    }

    #[test]
    fn it_is_told_in_units_that_are_read_at_a_glance() {
        let actions = [("arm", 0.0012), ("gripper", 12.3), ("still", 0.0)].map(|(name, apart)| (name.into(), apart));
        let (precision, actions) = ("bf16".into(), BTreeMap::from(actions));
        let told = Deviation { precision, prediction: 0.0028, plan: 0.00219, actions }.to_string();
        let expected = "bf16 beside f32: predictions differ by 2.8e-3 of their norm at most, \
            plans by 2.2e-3 (normalised), arm by 0.0012, gripper by 12, still by 0.000000";
        assert_eq!(told, expected);
    }
}
