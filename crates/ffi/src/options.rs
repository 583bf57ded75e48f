//! How plans are drawn, as C says it.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::Duration;

use parapolicy_control::{InferenceOptions, Recipe, RecipeOptions, SamplingOptions};
use parapolicy_eval::{AUTO, Calibration};
use parapolicy_policy::Network;
use parapolicy_sampler::{Sampler, Strategies, Strategy, WindowConfig};

use crate::border;
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::features;
use crate::versioned::{self, Versioned};

/// How plans are drawn. Filled by `parapolicy_options_default`; change what is to be different.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyOptions {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// "picard", "sequential", "paradigms", "speculative", "anderson", "parareal" or "blocks"; or "auto", the fastest on this
    /// machine: what is not known of it is measured when the policy is loaded, for some seconds, and kept. Null (default): the
    /// second up to ten steps, unless `deadline_ns` or `rounds` may cut a plan short; else the first.
    pub sampler: *const c_char,
    /// "ddpm" (default), "ddim", "ddim:ETA", "dpmsolver++" or "sde-dpmsolver++"; for flow matching "euler" or "midpoint"; null: the default.
    pub solver: *const c_char,
    /// What runs the network: "native", the engine of this library, "cpu", ONNX Runtime, or ONNX Runtime with "openvino",
    /// "cuda" or "tensorrt"; null: the first, or the second where `ort_lib` is given. All but the first take a library that
    /// was built with the feature `ort`.
    pub provider: *const c_char,
    /// In which its products are computed: "f32" (default), or "bf16", by all but "cpu" and "cuda" where the machine has
    /// it; null: the default.
    pub precision: *const c_char,
    /// Path of ONNX Runtime's shared library; null: `ORT_DYLIB_PATH`, a copy installed before, the system's, else one is
    /// installed. A process loads one. It takes a library that was built with the feature `ort`.
    pub ort_lib: *const c_char,
    /// Change between rounds under which a step is accepted, for samplers that iterate; 0.1.
    pub tolerance: f64,
    /// Time that a plan may take, in ns: the best there is by then is the plan. 0: whatever it takes.
    pub deadline_ns: u64,
    /// Rounds that a plan may take, likewise. 0: as many as it takes.
    pub rounds: u32,
    /// Denoising steps; 100.
    pub steps: u32,
    /// Denoising steps in the air at once, for samplers with a window. 0: the sampler's own for so many steps.
    pub window: u32,
    /// Threads that work on each batch. 0 (default): one a core.
    pub threads: u32,
    /// A time, "20ms" say: plans are drawn as `parapolicy tune` recommends for that time on this machine, by the solver, steps,
    /// sampler, window and tolerance that it found, which keep their defaults here; and in the precision and by the threads that
    /// it found, unless they are given. Null (default): as the other fields say.
    pub tuned: *const c_char,
    /// The tolerance in the unit of the actions, "0.5px" say, in place of `tolerance`, which keeps its default here; a number alone
    /// where the policy declares no units. Null (default): as `tolerance` says.
    pub within: *const c_char,
    /// The task, for policies that are told one in words: its name in `policy.json`. Null (default): the only one.
    pub task: *const c_char,
    /// Devices that share the rows of every batch, "0,1" say: GPUs of "cuda" and "tensorrt". Null (default): device 0 alone.
    pub devices: *const c_char,
    /// Keep each of the threads but the calling one on a core of its own ("native"): 1. 0 (default): no.
    pub pin: u32,
    /// Where the network fails in mid-plan, the best there is by then is the plan, in place of an error: 1. 0 (default): no.
    pub keep_on_failure: u32,
}

// SAFETY: `repr(C)`, the size comes first, and numbers and raw pointers may have any bytes.
unsafe impl Versioned for ParapolicyOptions {
    const NAME: &'static str = "options";
    const FIRST: usize = offset_of!(Self, tuned);

    fn default_of(size: usize) -> Self {
        let Recipe { steps, inference, .. } = Recipe::default();
        Self {
            size,
            sampler: ptr::null(),
            solver: ptr::null(),
            provider: ptr::null(),
            precision: ptr::null(),
            ort_lib: ptr::null(),
            tolerance: WindowConfig::default().tolerance,
            deadline_ns: 0,
            rounds: 0,
            steps: steps as u32,
            window: 0,
            threads: inference.threads as u32,
            tuned: ptr::null(),
            within: ptr::null(),
            task: ptr::null(),
            devices: ptr::null(),
            pin: 0,
            keep_on_failure: 0,
        }
    }
}

/// Fills `options` with the defaults; `size` is `sizeof *options`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_options_default(options: *mut ParapolicyOptions, size: usize) -> ParapolicyStatus {
    // SAFETY: the caller's promise.
    guard(|| unsafe { versioned::write_default(options, size) })
}

/// How plans are to be drawn.
pub(crate) struct Asked {
    recipe: Recipe,
    /// By the fastest strategy, whatever the recipe has.
    fastest: bool,
}

impl Asked {
    /// Loads the policy; and the recipe that it is loaded by.
    pub fn load(self, model: &Path) -> Result<(Recipe, (Network, Sampler)), Failure> {
        let Self { recipe, fastest } = self;
        if fastest {
            return Ok(Calibration::load_fastest(recipe, model)?);
        }
        let loaded = recipe.load(model)?;
        Ok((recipe, loaded))
    }
}

/// What options come to for the policy in `model`; null is the defaults.
///
/// # Safety
/// `options` is null or points to options whose texts are null or closed by a zero.
pub(crate) unsafe fn recipe(options: *const ParapolicyOptions, anytime: bool, model: &Path) -> Result<Asked, Failure> {
    let defaults = ParapolicyOptions::default_of(size_of::<ParapolicyOptions>());
    let options = if options.is_null() {
        defaults
    } else {
        // SAFETY: the caller's promise.
        unsafe { versioned::read(options) }?
    };
    let text = |name, pointer| {
        // SAFETY: the caller's promise.
        unsafe { border::text(name, pointer) }
    };
    let sampler = text("sampler", options.sampler)?;
    let fastest = sampler == Some(AUTO);
    let (tuned, within) = (text("tuned", options.tuned)?, text("within", options.within)?);
    // Beside `tuned` and `within`, what has its default is left out; what has not is refused by its name.
    let is_given = |differs: bool| tuned.is_none() && within.is_none() || differs;
    let options = RecipeOptions {
        sampling: SamplingOptions {
            // In its place one that has a tolerance.
            sampler: if fastest { Some(Strategy::picard(WindowConfig::default()).name()) } else { sampler },
            solver: text("solver", options.solver)?,
            steps: is_given(options.steps != defaults.steps).then_some(options.steps as usize),
            window: given(options.window),
            tolerance: is_given(options.tolerance != defaults.tolerance).then_some(options.tolerance),
            rounds: given(options.rounds),
            keep_on_failure: options.keep_on_failure != 0,
            deadline: (options.deadline_ns > 0).then(|| Duration::from_nanos(options.deadline_ns)),
            anytime,
            tuned,
            within,
        },
        inference: InferenceOptions {
            provider: text("provider", options.provider)?,
            precision: text("precision", options.precision)?,
            threads: options.threads as usize,
            pinned: options.pin != 0,
            devices: devices(text("devices", options.devices)?)?,
            library: text("ort_lib", options.ort_lib)?.map(PathBuf::from),
            task: text("task", options.task)?,
            ..InferenceOptions::default()
        },
    };
    let backends = features::backends();
    features::check(&options.inference, &backends)?;
    Ok(Asked { recipe: options.recipe(model, &Strategies::default(), &backends)?, fastest })
}

/// Numbers between commas.
fn devices(text: Option<&str>) -> Result<Vec<u32>, Failure> {
    let number = |number: &str| number.trim().parse().map_err(|_| Failure::Devices { found: number.to_owned() });
    text.into_iter().flat_map(|text| text.split(',')).map(number).collect()
}

/// A count that is left out as 0.
fn given(count: u32) -> Option<usize> {
    (count > 0).then_some(count as usize)
}
