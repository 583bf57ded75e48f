//! Plans with all that a call may say of them: given noise, several at once, what they took.

use std::mem::size_of;
use std::ptr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayView2, ArrayView3};
use parapolicy_control::Recipe;
use parapolicy_policy::Network;
use parapolicy_sampler::{BatchedSampler, Noise, Sample, Sampler};

use crate::border;
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::policy::{Loaded, ParapolicyPolicy};
use crate::versioned::{self, Versioned};

/// What a plan took.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ParapolicyCost {
    /// Time from the observation bound to the plan ready, in ns; of plans drawn together, to all of them ready.
    pub latency_ns: u64,
    /// Calls of the network, one after the other.
    pub rounds: u64,
    /// Rows that the network evaluated.
    pub evaluations: u64,
    /// How far the plan moved in the last round (root mean square, normalised units), if it was cut short; else 0.
    pub residual: f64,
}

impl ParapolicyCost {
    pub(crate) fn new(latency: Duration, rounds: usize, evaluations: usize, residual: Option<f64>) -> Self {
        Self {
            latency_ns: nanoseconds(latency),
            rounds: rounds as u64,
            evaluations: evaluations as u64,
            residual: residual.unwrap_or(0.0),
        }
    }
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Plans that are asked for. Filled by `parapolicy_drawing_default`; `observations` and `actions` have to be set. Lengths are
/// counts of numbers, and are checked.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyDrawing {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// Plans that are drawn together, in shared batches; 1.
    pub plans: usize,
    /// What is seen, for each plan: `[plans][n_obs_steps][observation_dim]` in raw units, oldest first.
    pub observations: *const f64,
    /// Its length.
    pub observations_len: usize,
    /// Seed of the first plan's noise; that of each of the others is one more. 0.
    pub seed: u64,
    /// Of one plan alone: the noise that it begins with, `[horizon][plan_dim]` in normalised units, where `plan_dim` is
    /// `action_dim`, and more where observations are a part of the plan. Null: drawn from the seed.
    pub initial_noise: *const f64,
    /// Its length.
    pub initial_noise_len: usize,
    /// Likewise, the noise of every step, `[steps][horizon][plan_dim]`. Null: drawn from the seed.
    pub step_noise: *const f64,
    /// Its length.
    pub step_noise_len: usize,
    /// Takes the plans, `[plans][horizon][action_dim]` in raw units.
    pub actions: *mut f64,
    /// Its length.
    pub actions_len: usize,
    /// Takes what each of them took, `[plans]`. Null: nobody asks.
    pub costs: *mut ParapolicyCost,
}

// SAFETY: `repr(C)`, the size comes first, and numbers and raw pointers may have any bytes.
unsafe impl Versioned for ParapolicyDrawing {
    const NAME: &'static str = "drawing";
    const FIRST: usize = size_of::<Self>();

    fn default_of(size: usize) -> Self {
        Self {
            size,
            plans: 1,
            observations: ptr::null(),
            observations_len: 0,
            seed: 0,
            initial_noise: ptr::null(),
            initial_noise_len: 0,
            step_noise: ptr::null(),
            step_noise_len: 0,
            actions: ptr::null_mut(),
            actions_len: 0,
            costs: ptr::null_mut(),
        }
    }
}

/// Fills `drawing` with the defaults; `size` is `sizeof *drawing`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_drawing_default(drawing: *mut ParapolicyDrawing, size: usize) -> ParapolicyStatus {
    // SAFETY: the caller's promise.
    guard(|| unsafe { versioned::write_default(drawing, size) })
}

/// Draws plans as `drawing` says. If it fails, `actions` and `costs` are as they were.
///
/// Any thread; calls on one handle wait for each other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_policy_draw(
    policy: *const ParapolicyPolicy,
    drawing: *const ParapolicyDrawing,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise, here and below.
        let ParapolicyPolicy { shape, recipe, loaded } = unsafe { border::shared("policy", policy) }?;
        // SAFETY: as above.
        let drawing = unsafe { versioned::read(drawing) }?;
        let plans = drawing.plans;
        if plans == 0 {
            return Err(Failure::NoPlans);
        }
        let count = |of: usize| of.checked_mul(plans).ok_or(Failure::TooManyPlans);
        let seen = count(shape.n_obs_steps * shape.observation_dim)?;
        let planned = count(shape.horizon * shape.action_dim)?;
        // SAFETY: as above.
        let (seen, mut actions) = unsafe {
            (
                border::numbers("observations", drawing.observations, drawing.observations_len, seen)?,
                border::room("actions", drawing.actions, drawing.actions_len, planned)?,
            )
        };
        let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: as above.
        let given = unsafe { Given::of(&drawing, recipe.steps, loaded.network.signature().sample_dim()) }?;
        let sizes = (plans, shape.n_obs_steps, shape.observation_dim);
        let seen = ArrayView3::from_shape(sizes, seen).map_err(|_| Failure::TooManyPlans)?;
        let drawn = match plans {
            1 => {
                loaded.draw(recipe, seen.index_axis(ndarray::Axis(0), 0), given, drawing.seed).map(|drawn| vec![drawn])
            }
            _ if given.is_any() => Err(Failure::NoiseOfOne),
            _ => loaded.draw_together(recipe, seen, drawing.seed),
        }?;
        actions.fill(drawn.iter().flat_map(|drawn| &drawn.actions));
        if !drawing.costs.is_null() {
            for (index, drawn) in drawn.iter().enumerate() {
                // SAFETY: the caller promises room for `plans` of them.
                unsafe { drawing.costs.add(index).write(drawn.cost) };
            }
        }
        Ok(())
    })
}

/// Noise that the caller has drawn.
struct Given {
    initial: Option<Array1<f32>>,
    steps: Option<Array2<f32>>,
}

impl Given {
    /// # Safety
    /// The pointers of `drawing` are null, or point to as many numbers as it says.
    unsafe fn of(drawing: &ParapolicyDrawing, steps: usize, dim: usize) -> Result<Self, Failure> {
        let read = |name, pointer: *const f64, len, expected| {
            if pointer.is_null() {
                return Ok(None);
            }
            // SAFETY: the caller's promise.
            let numbers = unsafe { border::numbers(name, pointer, len, expected) }?;
            Ok::<_, Failure>(Some(numbers.iter().map(|number| *number as f32).collect::<Vec<_>>()))
        };
        let initial = read("initial_noise", drawing.initial_noise, drawing.initial_noise_len, dim)?;
        let expected = steps.saturating_mul(dim);
        let every_step = read("step_noise", drawing.step_noise, drawing.step_noise_len, expected)?;
        Ok(Self {
            initial: initial.map(Array1::from),
            steps: every_step.and_then(|noise| Array2::from_shape_vec((steps, dim), noise).ok()),
        })
    }

    fn is_any(&self) -> bool {
        self.initial.is_some() || self.steps.is_some()
    }

    /// The noise, the rest of it drawn.
    fn noise(self, seed: u64, sampler: &Sampler) -> Result<Noise, Failure> {
        let drawn = Noise::draw(seed, sampler.table().steps(), sampler.dim());
        if !self.is_any() {
            return Ok(drawn);
        }
        let initial = self.initial.unwrap_or_else(|| drawn.initial().to_owned());
        Ok(Noise::from_parts(initial, self.steps.unwrap_or_else(|| drawn.steps().to_owned()))?)
    }
}

/// A plan and what it took.
struct Drawn {
    actions: Array2<f64>,
    cost: ParapolicyCost,
}

impl Drawn {
    /// Of a plan for what was `seen`, which its actions may be relative to.
    fn new(
        network: &Network,
        seen: ArrayView2<'_, f64>,
        sample: &Sample<'_>,
        latency: Duration,
    ) -> Result<Self, Failure> {
        let statistics = sample.statistics();
        let cost = ParapolicyCost::new(latency, statistics.rounds, statistics.evaluations, sample.residual());
        Ok(Self { actions: network.actions(sample.sample(), &network.origin(seen)?), cost })
    }
}

impl Loaded {
    fn draw(&mut self, recipe: &Recipe, seen: ArrayView2<'_, f64>, given: Given, seed: u64) -> Result<Drawn, Failure> {
        let Self { network, sampler, .. } = self;
        let noise = given.noise(seed, sampler)?;
        let started = Instant::now();
        let sample = sampler.sample_within(recipe.budget, &mut network.bind(seen)?, &noise)?;
        let latency = started.elapsed();
        Drawn::new(network, seen, &sample, latency)
    }

    fn draw_together(&mut self, recipe: &Recipe, seen: ArrayView3<'_, f64>, seed: u64) -> Result<Vec<Drawn>, Failure> {
        let Self { network, together, .. } = self;
        let plans = seen.dim().0;
        let fits = together.take().filter(|sampler| sampler.plans() >= plans);
        let made = || recipe.batched_sampler(network.manifest(), plans).map_err(parapolicy_control::RecipeError::from);
        let sampler: &mut BatchedSampler = together.insert(fits.map_or_else(made, Ok)?);
        let (steps, dim) = (sampler.table().steps(), sampler.dim());
        let end = seed.checked_add(plans as u64).ok_or(Failure::Seeds { plans, seed })?;
        let noises: Vec<_> = (seed..end).map(|seed| Noise::draw(seed, steps, dim)).collect();
        let started = Instant::now();
        let samples = sampler.sample_within(recipe.budget, &mut network.bind_batched(seen.outer_iter())?, &noises)?;
        let latency = started.elapsed();
        let drawn = samples.iter().zip(seen.outer_iter());
        drawn.map(|(sample, seen)| Drawn::new(network, seen, &sample, latency)).collect()
    }
}
