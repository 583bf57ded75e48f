//! What plans have to keep before any of them is sent, as C says it.

use std::ffi::{CStr, c_char, c_void};
use std::slice;
use std::time::Duration;

use ndarray::ArrayView2;
use parapolicy_control::check::{Failing, PlanBounds, PlanCheck, Predicate, Region, Rejection};

use crate::config::ParapolicyConfig;
use crate::failure::Failure;

/// What becomes of a plan that fails its check.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyFailing {
    /// It is not used: what is in force goes on.
    Refuse = 0,
    /// It ends before the action that fails; if that is the first, it is not used.
    Cut = 1,
}

/// A disc, or a ball in `dim` dimensions, that the straight ways from action to action stay out of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyRegion {
    /// The number of an action that the centre's first number is compared with; the others follow.
    pub first: usize,
    /// Numbers of the centre.
    pub dim: usize,
    /// The centre, in raw units.
    pub centre: *const f64,
    /// The radius, more than 0.
    pub radius: f64,
}

/// Looks at a plan, `[rows][action_dim]`: returns the index of the first action that may not be sent, or `rows` or more if all
/// may. `why`, null at first, may be set to words for the event, closed by a zero, which must live until the next call.
pub type ParapolicyPredicate = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        plan: *const f64,
        rows: usize,
        action_dim: usize,
        why: *mut *const c_char,
    ) -> usize,
>;

/// The user's code and what it is handed.
struct Look {
    look: unsafe extern "C" fn(*mut c_void, *const f64, usize, usize, *mut *const c_char) -> usize,
    context: *mut c_void,
}

// SAFETY: the caller promises that the context is fit for the worker's thread.
unsafe impl Send for Look {}
// SAFETY: only the worker calls it, one at a time.
unsafe impl Sync for Look {}

impl Look {
    fn at(&self, plan: ArrayView2<'_, f64>) -> Result<(), Rejection> {
        let (rows, action_dim) = plan.dim();
        let numbers: Vec<f64> = plan.iter().copied().collect();
        let mut why = std::ptr::null();
        // SAFETY: the numbers are as many as is said; what the function does with them is the caller's promise.
        let step = unsafe { (self.look)(self.context, numbers.as_ptr(), rows, action_dim, &raw mut why) };
        if step >= rows {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        let words = (!why.is_null()).then(|| unsafe { CStr::from_ptr(why) }.to_string_lossy().into_owned());
        Err(Rejection { step, why: words.unwrap_or_else(|| "the predicate".to_owned()) })
    }
}

/// Reads what plans have to keep; `limit` reads an array of `action_dim` numbers, or null.
///
/// # Safety
/// The configuration's regions are null or as many as it says, and their centres as long as they say; its predicate and context
/// keep their promises.
pub(crate) unsafe fn check(
    config: &ParapolicyConfig,
    limit: &dyn Fn(&'static str, *const f64) -> Result<Vec<f64>, Failure>,
) -> Result<PlanCheck, Failure> {
    let failing = match config.plan_failing {
        found if found == ParapolicyFailing::Refuse as u32 => Failing::Refuse,
        found if found == ParapolicyFailing::Cut as u32 => Failing::Cut,
        found => return Err(Failure::Choice { name: "plan_failing", found }),
    };
    let bounds = PlanBounds {
        min: limit("plan_min", config.plan_min)?,
        max: limit("plan_max", config.plan_max)?,
        step: limit("plan_step", config.plan_step)?,
        velocity: limit("plan_velocity", config.plan_velocity)?,
        acceleration: limit("plan_acceleration", config.plan_acceleration)?,
        jerk: limit("plan_jerk", config.plan_jerk)?,
    };
    let predicate = config.plan_predicate.map(|look| {
        let look = Look { look, context: config.plan_context };
        Predicate::new(move |plan| look.at(plan))
    });
    // SAFETY: the caller's promise.
    let regions = unsafe { regions(config) }?;
    let state = (config.plan_state != usize::MAX).then_some(config.plan_state);
    let refine = (config.plan_refine_ns > 0).then(|| Duration::from_nanos(config.plan_refine_ns));
    Ok(PlanCheck { bounds, regions, predicate, refine, failing, state, names: Vec::new() })
}

/// # Safety
/// As [`check`].
unsafe fn regions(config: &ParapolicyConfig) -> Result<Vec<Region>, Failure> {
    if config.plan_region_count == 0 {
        return Ok(Vec::new());
    }
    if config.plan_regions.is_null() {
        return Err(Failure::Null("plan_regions"));
    }
    // SAFETY: not null, and the caller's promise.
    let regions = unsafe { slice::from_raw_parts(config.plan_regions, config.plan_region_count) };
    let read = |region: &ParapolicyRegion| {
        if region.centre.is_null() {
            return Err(Failure::Null("a region's centre"));
        }
        let dim = region.dim.min(config.action_dim + 1);
        // SAFETY: not null, and the caller's promise.
        let centre = unsafe { slice::from_raw_parts(region.centre, dim) }.to_vec();
        Ok(Region { first: region.first, centre, radius: region.radius })
    };
    regions.iter().map(read).collect()
}
