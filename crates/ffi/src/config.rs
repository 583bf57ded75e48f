//! What a controller is for, as C says it.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::path::PathBuf;
use std::ptr;
use std::time::Duration;

use parapolicy_control::controller::{Continuity, ControllerConfig, Deadline, Fade, Replan};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Interpolation, Late, Limits, MotionLimits, PlaybackConfig};

use crate::border;
use crate::check::{ParapolicyFailing, ParapolicyPredicate, ParapolicyRegion, check};
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::policy::ParapolicyShape;
use crate::versioned::{self, Versioned};

/// When a new plan is asked for. Only one is worked on at a time, always for the newest observation.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyReplan {
    /// As soon as the last one is done.
    Always = 0,
    /// When `replan_count` observations have come since the one that was asked about last.
    Every = 1,
    /// When fewer than `replan_count` actions are left of those that the newest plan intends.
    Below = 2,
}

/// How a new plan takes over from the old one.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyBlend {
    /// The newest plan alone, from now on.
    Switch = 0,
    /// The mean of what all plans that are not too old intend for now, the i-th oldest with weight exp(-`blend_decay` * i).
    Ensemble = 1,
}

/// How a plan relates to the one before it, which is still being executed while the new one is drawn. All but the first are
/// real-time chunking: a plan is held to the actions that will have been sent when it is there, and agreement with the later
/// ones of the plan before fades.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyContinuity {
    /// Plans are drawn independently of each other.
    Independent = 0,
    /// It fades at once: later actions are free.
    Hard = 1,
    /// It fades evenly.
    Linear = 2,
    /// It fades as published (Black et al. 2025, arXiv 2506.07339).
    Exponential = 3,
}

/// What is sent between the times of two actions of a plan.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyInterpolation {
    /// The nearest action.
    Hold = 0,
    /// The straight line between the two.
    Linear = 1,
    /// A cubic that keeps the velocity, and stays between the two.
    Cubic = 2,
}

/// What is sent when every action that a plan intends has been sent, and no new plan is there.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyLate {
    /// The motion of the last two commands goes on, slower, and rests after `late_within_ns`.
    Decelerate = 0,
    /// The safe action at once, or the last action again if there is none.
    Hold = 1,
    /// The rest of the plan's horizon, then the last action again.
    Finish = 2,
}

/// What a controller is for. Filled by `parapolicy_config_default`; `action_dim` and `initial` have to be set.
/// Arrays are copied: they need not outlive the call that reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyConfig {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// Time from one action of a plan to the next, in ns; 100 ms.
    pub period_ns: u64,
    /// Age of the observation behind a plan beyond which the plan is not trusted any more, and no command comes from it, in
    /// ns; 2 s.
    pub max_age_ns: u64,
    /// Time until the robot rests, where `late` is to decelerate, in ns; 300 ms.
    pub late_within_ns: u64,
    /// Of `blend`, where it is an ensemble: at least 0; 0.01.
    pub blend_decay: f64,
    /// One of `parapolicy_replan`.
    pub replan: u32,
    /// Of `replan`, where it counts: at least 1; 4.
    pub replan_count: u32,
    /// One of `parapolicy_blend`.
    pub blend: u32,
    /// One of `parapolicy_late`.
    pub late: u32,
    /// Numbers in each of the arrays that follow: the policy's `action_dim`.
    pub action_dim: usize,
    /// The command before the first plan: where the robot stands, or that it stands still.
    pub initial: *const f64,
    /// What is sent when there is nothing to go by; null: the last command again. A robot whose actions are velocities
    /// needs it.
    pub safe: *const f64,
    /// Smallest value of each number of a command; null: none.
    pub min: *const f64,
    /// Largest value of each; null: none.
    pub max: *const f64,
    /// Largest change of each from one command to the next; null: none.
    pub max_change: *const f64,
    /// MCAP file to write, for Foxglove or rerun: all that is observed, planned and sent. If it exists, a number is put after
    /// its name. Null: none. It takes a library that was built with the feature `log`.
    pub log: *const c_char,
    /// Log every plan as it stood after each round of the sampler, too: 1. 0: no.
    pub log_rounds: u32,
    /// Time after which a policy that has not returned with a plan counts as hanging, in ns: an event tells it, its thread
    /// is abandoned, and the policy loaded again in a new one. Loading may take ten times as long. 0: ten times what a plan
    /// lasts, and at least 30 s.
    pub watchdog_ns: u64,
    /// The share of the last 40 plans that took no longer than the next one is expected to take, where `continuity` holds plans
    /// to what will have been sent: more than 0, at most 1; 0.95.
    pub delay_quantile: f64,
    /// One of `parapolicy_continuity`; independent.
    pub continuity: u32,
    /// One of `parapolicy_failing`: what becomes of a plan that does not keep what the fields from here on ask of it, before
    /// any of it is sent; refuse. An event names the first action that fails, the number of it, its value and the limit.
    pub plan_failing: u32,
    /// Smallest value of each number in every action of a plan; null, here and below: none.
    pub plan_min: *const f64,
    /// Largest value.
    pub plan_max: *const f64,
    /// Largest distance of the first action from the robot's present state.
    pub plan_step: *const f64,
    /// Largest change per second from action to action.
    pub plan_velocity: *const f64,
    /// Largest change of that per second.
    pub plan_acceleration: *const f64,
    /// Largest change of that per second.
    pub plan_jerk: *const f64,
    /// Where in an observation the robot's present state, `action_dim` numbers, begins; `SIZE_MAX` (default): the last command is
    /// taken for it.
    pub plan_state: usize,
    /// Regions that plans stay out of; null if `plan_region_count` is 0.
    pub plan_regions: *const ParapolicyRegion,
    /// How many.
    pub plan_region_count: usize,
    /// What else is wrong with a plan; null: nothing. Called in the worker's thread.
    pub plan_predicate: ParapolicyPredicate,
    /// Handed to `plan_predicate`. It must live, and be fit for the worker's thread, until the controller was freed.
    pub plan_context: *mut c_void,
    /// One of `parapolicy_interpolation`: what is sent between the times of two actions; hold.
    pub interpolation: u32,
    /// Time from one command to the next, in ns, for the limits that follow; 0 (default): a period. At most a period.
    pub cycle_ns: u64,
    /// Largest change of a command per second, largest change of that per second, and of that: kept by a trajectory generator
    /// whatever is planned, a cycle from each command to the next. All three, and no `max_change`; or null (default): none.
    pub max_velocity: *const f64,
    /// As above.
    pub max_acceleration: *const f64,
    /// As above.
    pub max_jerk: *const f64,
    /// How long a plan that does not keep what `plan_*` asks of it may be refined until it does, in ns: in the worker's thread,
    /// with the bounds and regions as a cost and the policy as prior. It is checked again, and `plan_failing` says what becomes
    /// of one that still fails. 0 (default): plans are not refined.
    pub plan_refine_ns: u64,
    /// Cut plans short so that they are there when the running one runs out, with the best plan by then: the time left is each
    /// plan's deadline, beside `deadline_ns`. Kept in reserve is what this share of the last 40 plans that were cut short took
    /// beyond it: more than 0, at most 1; 0.95 fits most. 0 (default): plans take what they take.
    pub deadline_quantile: f64,
    /// How old an entry may be at a control step, in ns, where entries are handed in one by one
    /// (`parapolicy_controller_observe_entry`): an older one makes no observation. At least a period; 0 (default): five periods.
    pub stale_ns: u64,
}

// SAFETY: `repr(C)`, the size comes first, and numbers and raw pointers may have any bytes.
unsafe impl Versioned for ParapolicyConfig {
    const NAME: &'static str = "config";
    // The fields up to `log_rounds`, and the padding after it.
    const FIRST: usize = offset_of!(Self, watchdog_ns);

    fn default_of(size: usize) -> Self {
        Self {
            size,
            period_ns: 100_000_000,
            max_age_ns: 2_000_000_000,
            late_within_ns: 300_000_000,
            blend_decay: 0.01,
            replan: ParapolicyReplan::Always as u32,
            replan_count: 4,
            blend: ParapolicyBlend::Switch as u32,
            late: ParapolicyLate::Decelerate as u32,
            action_dim: 0,
            initial: ptr::null(),
            safe: ptr::null(),
            min: ptr::null(),
            max: ptr::null(),
            max_change: ptr::null(),
            log: ptr::null(),
            log_rounds: 0,
            watchdog_ns: 0,
            delay_quantile: Continuity::QUANTILE,
            continuity: ParapolicyContinuity::Independent as u32,
            plan_failing: ParapolicyFailing::Refuse as u32,
            plan_min: ptr::null(),
            plan_max: ptr::null(),
            plan_step: ptr::null(),
            plan_velocity: ptr::null(),
            plan_acceleration: ptr::null(),
            plan_jerk: ptr::null(),
            plan_state: usize::MAX,
            plan_regions: ptr::null(),
            plan_region_count: 0,
            plan_predicate: None,
            plan_context: ptr::null_mut(),
            interpolation: ParapolicyInterpolation::Hold as u32,
            cycle_ns: 0,
            max_velocity: ptr::null(),
            max_acceleration: ptr::null(),
            max_jerk: ptr::null(),
            plan_refine_ns: 0,
            deadline_quantile: 0.0,
            stale_ns: 0,
        }
    }
}

/// Fills `config` with the defaults; `size` is `sizeof *config`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_config_default(config: *mut ParapolicyConfig, size: usize) -> ParapolicyStatus {
    // SAFETY: the caller's promise.
    guard(|| unsafe { versioned::write_default(config, size) })
}

/// What a configuration comes to for a policy.
pub(crate) struct Configured {
    pub controller: ControllerConfig,
    pub log: Option<PathBuf>,
    pub log_rounds: bool,
}

/// Reads a configuration, for a policy of this shape.
///
/// # Safety
/// `config` is null or points to a configuration whose arrays are null or as long as it says, and whose text is null or
/// closed by a zero.
pub(crate) unsafe fn configured(
    config: *const ParapolicyConfig,
    shape: &ParapolicyShape,
) -> Result<Configured, Failure> {
    // SAFETY: the caller's promise, here and below.
    let config = unsafe { versioned::read(config) }?;
    // SAFETY: as above.
    let log = unsafe { border::text("log", config.log) }?.map(PathBuf::from);
    let array = |name, pointer: *const f64| {
        // SAFETY: the caller's promise.
        unsafe { border::numbers(name, pointer, config.action_dim, shape.action_dim) }.map(<[f64]>::to_vec)
    };
    let optional = |name, pointer: *const f64| {
        if pointer.is_null() { Ok(None) } else { array(name, pointer).map(Some) }
    };
    let limit = |name, pointer| optional(name, pointer).map(Option::unwrap_or_default);
    let playback = PlaybackConfig {
        period: Duration::from_nanos(config.period_ns),
        blend: blend(&config)?,
        late: late(&config)?,
        limits: Limits {
            min: limit("min", config.min)?,
            max: limit("max", config.max)?,
            max_change: limit("max_change", config.max_change)?,
        },
        max_age: Duration::from_nanos(config.max_age_ns),
        initial: array("initial", config.initial)?,
        safe: optional("safe", config.safe)?,
        between: between(&config, &limit)?,
    };
    let ParapolicyShape { n_obs_steps, observation_dim, horizon, .. } = *shape;
    let (replan, continuity, deadline) = (replan(&config)?, continuity(&config)?, deadline(&config));
    let stale = match config.stale_ns {
        0 => Entries::default_stale(playback.period),
        nanoseconds => Duration::from_nanos(nanoseconds),
    };
    let watchdog = match config.watchdog_ns {
        0 => ControllerConfig::default_watchdog(playback.period, horizon),
        nanoseconds => Duration::from_nanos(nanoseconds),
    };
    // SAFETY: the caller's promise.
    let check = unsafe { check(&config, &limit) }?;
    let controller = ControllerConfig {
        playback,
        replan,
        continuity,
        deadline,
        check,
        n_obs_steps,
        observation_dim,
        entries: Entries { list: Vec::new(), stale },
        horizon,
        watchdog,
    };
    Ok(Configured { controller, log, log_rounds: config.log_rounds != 0 })
}

/// The loop's deadline, of a configuration whose arrays are not looked at.
///
/// # Safety
/// `config` is null or points to a configuration.
pub(crate) unsafe fn loop_deadline(config: *const ParapolicyConfig) -> Result<Deadline, Failure> {
    // SAFETY: the caller's promise.
    Ok(deadline(&unsafe { versioned::read(config) }?))
}

fn deadline(config: &ParapolicyConfig) -> Deadline {
    match config.deadline_quantile {
        0.0 => Deadline::Own,
        quantile => Deadline::Loop { quantile },
    }
}

fn replan(config: &ParapolicyConfig) -> Result<Replan, Failure> {
    use ParapolicyReplan as Choice;
    let count = config.replan_count as usize;
    match config.replan {
        found if found == Choice::Always as u32 => Ok(Replan::Always),
        found if found == Choice::Every as u32 => Ok(Replan::Every(count)),
        found if found == Choice::Below as u32 => Ok(Replan::Below(count)),
        found => Err(Failure::Choice { name: "replan", found }),
    }
}

fn continuity(config: &ParapolicyConfig) -> Result<Continuity, Failure> {
    use ParapolicyContinuity as Choice;
    let inpaint = |fade| Ok(Continuity::Inpaint { fade, quantile: config.delay_quantile });
    match config.continuity {
        found if found == Choice::Independent as u32 => Ok(Continuity::Independent),
        found if found == Choice::Hard as u32 => inpaint(Fade::Hard),
        found if found == Choice::Linear as u32 => inpaint(Fade::Linear),
        found if found == Choice::Exponential as u32 => inpaint(Fade::Exponential),
        found => Err(Failure::Choice { name: "continuity", found }),
    }
}

/// How commands are made between actions; `limit` reads an array of `action_dim` numbers, or null.
fn between(
    config: &ParapolicyConfig,
    limit: &dyn Fn(&'static str, *const f64) -> Result<Vec<f64>, Failure>,
) -> Result<Between, Failure> {
    use ParapolicyInterpolation as Choice;
    let interpolation = match config.interpolation {
        found if found == Choice::Hold as u32 => Interpolation::Hold,
        found if found == Choice::Linear as u32 => Interpolation::Linear,
        found if found == Choice::Cubic as u32 => Interpolation::Cubic,
        found => return Err(Failure::Choice { name: "interpolation", found }),
    };
    let ParapolicyConfig { max_velocity, max_acceleration, max_jerk, .. } = *config;
    if [max_velocity, max_acceleration, max_jerk].iter().all(|limits| limits.is_null()) {
        return Ok(Between { interpolation, ..Between::default() });
    }
    let cycle = Duration::from_nanos(if config.cycle_ns == 0 { config.period_ns } else { config.cycle_ns });
    let motion = MotionLimits {
        cycle,
        velocity: limit("max_velocity", max_velocity)?,
        acceleration: limit("max_acceleration", max_acceleration)?,
        jerk: limit("max_jerk", max_jerk)?,
    };
    Ok(Between { interpolation, motion: Some(motion), ..Between::default() })
}

fn blend(config: &ParapolicyConfig) -> Result<Blend, Failure> {
    use ParapolicyBlend as Choice;
    match config.blend {
        found if found == Choice::Switch as u32 => Ok(Blend::Switch),
        found if found == Choice::Ensemble as u32 => Ok(Blend::Ensemble { decay: config.blend_decay }),
        found => Err(Failure::Choice { name: "blend", found }),
    }
}

fn late(config: &ParapolicyConfig) -> Result<Late, Failure> {
    use ParapolicyLate as Choice;
    match config.late {
        found if found == Choice::Decelerate as u32 => {
            Ok(Late::Decelerate { within: Duration::from_nanos(config.late_within_ns) })
        }
        found if found == Choice::Hold as u32 => Ok(Late::Hold),
        found if found == Choice::Finish as u32 => Ok(Late::Finish),
        found => Err(Failure::Choice { name: "late", found }),
    }
}
