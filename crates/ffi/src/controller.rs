//! A controller that lives in a robot's loop.

use std::ffi::c_char;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ndarray::ArrayView1;
use parapolicy_control::controller::{Controller, Deadline, Monitor};
use parapolicy_control::playback::Part;
use parapolicy_control::{BoxError, Policy};

use crate::border;
use crate::config::{Configured, ParapolicyConfig, configured, loop_deadline};
use crate::entries::{ParapolicyImage, pixels};
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::log::{self, Log};
use crate::options::{ParapolicyOptions, recipe};
use crate::policy::ParapolicyShape;

/// A policy that plans in a thread of its own, and what is sent meanwhile.
pub struct ParapolicyController {
    pub(crate) shape: ParapolicyShape,
    /// None once it was stopped. The control thread only ever tries to lock it: it does not wait.
    controller: Mutex<Option<Controller>>,
    pub(crate) monitor: Monitor,
    log: Mutex<Option<Log>>,
}

/// Loads the policy in `directory`, starts a worker thread for it and writes a handle to `controller`; null in case of
/// failure. `options` may be null. Freed by `parapolicy_controller_free`. Any thread; not in the loop, it takes a while.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_start(
    directory: *const c_char,
    options: *const ParapolicyOptions,
    config: *const ParapolicyConfig,
    controller: *mut *mut ParapolicyController,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (mut handle, directory) =
            unsafe { (border::out("controller", controller)?, border::text("directory", directory)) };
        handle.write(ptr::null_mut());
        let directory = directory?.ok_or(Failure::Null("directory"))?;
        // SAFETY: as above.
        let anytime = unsafe { loop_deadline(config) }? != Deadline::Own;
        // SAFETY: as above.
        let asked = unsafe { recipe(options, anytime, Path::new(directory)) }?;
        let (recipe, loaded) = asked.load(Path::new(directory))?;
        let shape = ParapolicyShape::of(loaded.0.manifest());
        // SAFETY: as above.
        let mut config = unsafe { configured(config, &shape) }?;
        config.controller.playback.between.parts = Part::of(loaded.0.manifest());
        config.controller.entries.list.clone_from(&loaded.0.manifest().observations);
        let make = recipe.maker(PathBuf::from(directory), loaded, config.log_rounds);
        handle.hand_out(ParapolicyController::start(shape, config, make)?);
        Ok(())
    })
}

impl ParapolicyController {
    pub(crate) fn start<M>(shape: ParapolicyShape, config: Configured, make: M) -> Result<Self, Failure>
    where
        M: FnMut() -> Result<Box<dyn Policy>, BoxError> + Send + 'static,
    {
        let mut controller = Controller::start(config.controller, make)?;
        let numbers = shape.observation_dim.max(shape.horizon * shape.action_dim);
        let log = config.log.map(|path| log::start(&mut controller, &path, numbers)).transpose()?;
        let monitor = controller.monitor();
        Ok(Self { shape, monitor, controller: Mutex::new(Some(controller)), log: Mutex::new(log) })
    }

    /// Does something with the controller, unless it was stopped or another thread is at it.
    pub(crate) fn enter<T>(&self, body: impl FnOnce(&mut Controller) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut entered = match self.controller.try_lock() {
            Ok(entered) => entered,
            // A panic leaves the controller as one of its calls does: every call sets what it uses.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Failure::Busy),
        };
        body(entered.as_mut().ok_or(Failure::Stopped)?)
    }

    /// Waits for the plan that is being worked on, ends the worker, and closes the log.
    fn stop(&self, patience: Duration) -> Result<(), Failure> {
        let mut entered: MutexGuard<'_, _> = self.controller.lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        while entered.is_some() && self.monitor.health().planning && started.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        *entered = None;
        if let Some(log) = self.log.lock().unwrap_or_else(PoisonError::into_inner).take() {
            log::finish(log)?;
        }
        if self.monitor.health().planning { Err(Failure::StillPlanning) } else { Ok(()) }
    }
}

/// Writes what the controller's policy sees and plans to `shape`. Any thread; wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_shape(
    controller: *const ParapolicyController,
    shape: *mut ParapolicyShape,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (controller, mut shape) =
            unsafe { (border::shared("controller", controller)?, border::out("shape", shape)?) };
        shape.write(controller.shape);
        Ok(())
    })
}

/// Begins an episode: observations, plans and commands so far are forgotten, and a plan that is being worked on will be
/// ignored. Until the first plan `initial` is sent again, or what `parapolicy_controller_rest_at` was told last. Everything random in the policy follows from `seed`; without a call it is 0.
///
/// The control thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_reset(
    controller: *mut ParapolicyController,
    seed: u64,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let controller = unsafe { border::shared("controller", controller) }?;
        controller.enter(|controller| {
            controller.reset(seed);
            Ok(())
        })
    })
}

/// Sends `action` until the first plan, in place of `initial`: where the robot stands. For use before an episode begins: all
/// plans are forgotten. `len` is the policy's `action_dim`; it must be finite and within the limits.
///
/// The control thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_rest_at(
    controller: *mut ParapolicyController,
    action: *const f64,
    len: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { border::shared("controller", controller) }?;
        // SAFETY: as above.
        let action = ArrayView1::from(unsafe { border::numbers("action", action, len, handle.shape.action_dim) }?);
        handle.enter(|controller| Ok(controller.rest_at(action)?))
    })
}

/// Takes the observation of `time_ns`, in raw units, and asks for a plan if one is due. `len` is the policy's
/// `observation_dim`. Time is the caller's clock, in ns from any origin. If it goes back by more than half a period, all
/// plans are dropped, and an event tells it. Called once a period.
///
/// The control thread; does not wait for the worker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_observe(
    controller: *mut ParapolicyController,
    observation: *const f64,
    len: usize,
    time_ns: u64,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { border::shared("controller", controller) }?;
        let expected = handle.shape.observation_dim;
        // SAFETY: as above.
        let observation = ArrayView1::from(unsafe { border::numbers("observation", observation, len, expected) }?);
        let time = Duration::from_nanos(time_ns);
        handle.enter(|controller| Ok(controller.observe(observation, time)?))
    })
}

/// Takes the `len` numbers of the entry `name` as they were at `time_ns`, for the control steps from then on: see
/// `parapolicy_controller_observe_entries`. Entries may come at any rate, each at its own; the newest 64 of each are remembered,
/// and fewer, 4 at least, of those of more than 128 numbers. Refused are another name or length, NaN, and a time before that of the same
/// entry's last.
///
/// The control thread; does not wait for the worker, and allocates nothing unless it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_observe_entry(
    controller: *mut ParapolicyController,
    name: *const c_char,
    values: *const f64,
    len: usize,
    time_ns: u64,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (handle, name) = unsafe { (border::shared("controller", controller)?, border::text("name", name)?) };
        let name = name.ok_or(Failure::Null("name"))?;
        // SAFETY: as above.
        let values = unsafe { border::numbers("values", values, len, len) }?;
        let time = Duration::from_nanos(time_ns);
        handle.enter(|controller| Ok(controller.observe_entry(name, values.iter().copied(), time)?))
    })
}

/// The same, of an entry that is an image: it is read where it lies, in one copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_observe_image(
    controller: *mut ParapolicyController,
    name: *const c_char,
    image: *const ParapolicyImage,
    time_ns: u64,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (handle, name) = unsafe { (border::shared("controller", controller)?, border::text("name", name)?) };
        let name = name.ok_or(Failure::Null("name"))?;
        // SAFETY: as above.
        let image = unsafe { pixels(image) }?;
        handle.enter(|controller| Ok(controller.observe_image(name, &image, Duration::from_nanos(time_ns))?))
    })
}

/// Takes the observation of the control step at `time_ns` from its entries, of each the newest at or before it, and asks for a plan if
/// one is due. In place of `parapolicy_controller_observe`, once a period. `observed`, which may be null, is 1 if there is an observation,
/// and 0 if an entry has not come yet or is older than `stale_ns`: an event names it, once until it is back.
///
/// The control thread; does not wait for the worker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_observe_entries(
    controller: *mut ParapolicyController,
    time_ns: u64,
    observed: *mut u32,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { border::shared("controller", controller) }?;
        // SAFETY: as above; whoever gives no place for it is told nothing.
        let mut told = unsafe { border::out("observed", observed) }.ok();
        handle.enter(|controller| {
            let is_observed = controller.observe_entries(Duration::from_nanos(time_ns));
            told.iter_mut().for_each(|told| told.write(u32::from(is_observed)));
            Ok(())
        })
    })
}

/// Stops the controller: waits up to `patience_ns` for the plan that is being worked on, ends the worker, and closes the
/// log. Later calls find it stopped; events and health can still be read. `PARAPOLICY_STATUS_BUSY` if the worker is still
/// at work: its thread ends when it can. Whatever the policy does, it takes two seconds more than `patience_ns` at most.
///
/// Any thread, with the control thread out of its loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_stop(
    controller: *mut ParapolicyController,
    patience_ns: u64,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let controller = unsafe { border::shared("controller", controller) }?;
        controller.stop(Duration::from_nanos(patience_ns))
    })
}

/// Frees a controller; one that was not stopped is, without patience, within two seconds. Null is nothing. No other call may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_free(controller: *mut ParapolicyController) {
    guard(|| {
        // SAFETY: the caller's promise.
        drop(unsafe { border::take(controller) });
        Ok(())
    });
}
