//! A policy that is asked for plans.

use std::ffi::c_char;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayView2;
use parapolicy_control::Recipe;
use parapolicy_policy::{Manifest, Network};
use parapolicy_sampler::{BatchedSampler, Noise, Sampler};

use crate::border;
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::options::{ParapolicyOptions, recipe};

/// A policy, loaded.
pub struct ParapolicyPolicy {
    pub(crate) shape: ParapolicyShape,
    pub(crate) recipe: Recipe,
    /// A plan begins with clearing what the one before left, so all of it is whole even after a panic.
    pub(crate) loaded: Mutex<Loaded>,
}

/// What plans are drawn with.
pub(crate) struct Loaded {
    pub network: Network,
    pub sampler: Sampler,
    /// For several plans at once, where they were asked for.
    pub together: Option<BatchedSampler>,
}

/// What a policy sees and plans.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParapolicyShape {
    /// Observations that the policy looks at.
    pub n_obs_steps: usize,
    /// Numbers in one observation.
    pub observation_dim: usize,
    /// Actions in a plan; the first belongs to the oldest observation.
    pub horizon: usize,
    /// Actions of a plan that are meant to be executed, from the one that belongs to the newest observation.
    pub n_action_steps: usize,
    /// Numbers in one action.
    pub action_dim: usize,
}

impl ParapolicyShape {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            n_obs_steps: manifest.n_obs_steps,
            observation_dim: manifest.observation_dim(),
            horizon: manifest.horizon,
            n_action_steps: manifest.n_action_steps,
            action_dim: manifest.action_dim(),
        }
    }
}

/// Loads the policy in `directory`, which has `policy.json` and its graph, and writes a handle to `policy`; null in case
/// of failure. `options` may be null. Freed by `parapolicy_policy_free`. Any thread; takes seconds where ONNX Runtime has
/// to be installed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_policy_load(
    directory: *const c_char,
    options: *const ParapolicyOptions,
    policy: *mut *mut ParapolicyPolicy,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (mut handle, directory) = unsafe { (border::out("policy", policy)?, border::text("directory", directory)) };
        handle.write(ptr::null_mut());
        let directory = directory?.ok_or(Failure::Null("directory"))?;
        // SAFETY: as above.
        let asked = unsafe { recipe(options, false, Path::new(directory)) }?;
        let (recipe, loaded) = asked.load(Path::new(directory))?;
        let shape = ParapolicyShape::of(loaded.0.manifest());
        let loaded = Loaded { network: loaded.0, sampler: loaded.1, together: None };
        handle.hand_out(ParapolicyPolicy { shape, recipe, loaded: Mutex::new(loaded) });
        Ok(())
    })
}

/// Writes what the policy sees and plans to `shape`. Any thread; wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_policy_shape(
    policy: *const ParapolicyPolicy,
    shape: *mut ParapolicyShape,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (policy, mut shape) = unsafe { (border::shared("policy", policy)?, border::out("shape", shape)?) };
        shape.write(policy.shape);
        Ok(())
    })
}

/// Draws a plan. `observations` is `[n_obs_steps][observation_dim]` in raw units, oldest first; `actions` takes
/// `[horizon][action_dim]`, in raw units. The lengths are counts of numbers, and are checked. The same seed and
/// observations give the same plan. If it fails, `actions` is as it was.
///
/// Any thread; calls on one handle wait for each other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_policy_sample(
    policy: *const ParapolicyPolicy,
    observations: *const f64,
    observations_len: usize,
    seed: u64,
    actions: *mut f64,
    actions_len: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let ParapolicyPolicy { shape, recipe, loaded } = unsafe { border::shared("policy", policy) }?;
        let (seen, planned) = ([shape.n_obs_steps, shape.observation_dim], shape.horizon * shape.action_dim);
        let (name, expected) = ("observations", seen[0] * seen[1]);
        // SAFETY: as above.
        let (numbers, mut actions) = unsafe {
            let numbers = border::numbers(name, observations, observations_len, expected)?;
            (numbers, border::room("actions", actions, actions_len, planned)?)
        };
        let observations = ArrayView2::from_shape(seen, numbers).map_err(|_| Failure::Length {
            name,
            found: observations_len,
            expected,
        })?;

        let Loaded { network, sampler, .. } = &mut *loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let noise = Noise::draw(seed, sampler.table().steps(), sampler.dim());
        let origin = network.origin(observations)?;
        let mut denoiser = network.bind(observations)?;
        let plan = sampler.sample_within(recipe.budget, &mut denoiser, &noise)?;
        actions.fill(&network.actions(plan.sample(), &origin));
        Ok(())
    })
}

/// Frees a policy; null is nothing. No other call may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_policy_free(policy: *mut ParapolicyPolicy) {
    guard(|| {
        // SAFETY: the caller's promise.
        drop(unsafe { border::take(policy) });
        Ok(())
    });
}
