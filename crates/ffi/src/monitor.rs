//! What others may know of a controller while it runs.

use std::ffi::c_char;
use std::mem::size_of;

use parapolicy_control::controller::{Health, WorkerEvent};

use crate::border;
use crate::controller::ParapolicyController;
use crate::failure::{ParapolicyStatus, Text, guard};
use crate::versioned::{self, Versioned};

/// What went wrong in the worker, with an observation, or with the clock. The controller goes on, and asks for a plan again with the next
/// observation.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyEventKind {
    /// Nothing, since this was asked last.
    None = 0,
    /// The policy could not be loaded again after a panic, or after it hung.
    NotMade = 1,
    /// The policy failed to plan.
    Failed = 2,
    /// The policy panicked; it is loaded again.
    Panicked = 3,
    /// A plan had values that are not finite, or another shape: it was withheld as a whole.
    Withheld = 4,
    /// One of a later version of this library.
    Other = 5,
    /// The policy has not returned for `watchdog_ns`: its thread is abandoned, and the policy loaded again in a new one.
    Hung = 6,
    /// The time given was before that of an earlier call by more than half a period: all plans were dropped.
    ClockWentBack = 7,
    /// A plan does not keep what the configuration asks of plans (`plan_*`): it was not used.
    Refused = 8,
    /// A plan does not keep it from an action on: it ends before that.
    Cut = 9,
    /// A plan did not keep it, was refined (`plan_refine_ns`), and keeps it now.
    Refined = 10,
    /// A plan did not keep it and could not be refined; that it was refused or cut comes next.
    NotRefined = 11,
    /// An entry has not come yet or is too old (`stale_ns`), so that there was no observation of a control step. Told again once it was
    /// back.
    NotObserved = 12,
    /// A value of an observation is far outside of what the policy was trained on: by more than the whole range beyond it, or by more
    /// than ten standard deviations. Told once of an entry, and again once it was back. The observation is taken all the same.
    FarOutside = 13,
}

/// Something that went wrong.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyEvent {
    /// What.
    pub kind: ParapolicyEventKind,
    /// In words, UTF-8, closed by a zero; cut if it is longer.
    pub message: [c_char; 508],
}

/// How a controller is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParapolicyHealth {
    /// A plan is being worked on: 1, or 0.
    pub planning: u64,
    /// Plans delivered.
    pub plans: u64,
    /// Calls of the network that they took, one after the other.
    pub rounds: u64,
    /// Rows that the network evaluated for them.
    pub evaluations: u64,
    /// Plans that failed, panicked, were not finite, or never came.
    pub failures: u64,
    /// Events that nobody fetched in time.
    pub events_dropped: u64,
    /// Median time from an observation that was asked about to the plan for it, in ms.
    pub latency_p50_ms: f64,
    /// Its 90th percentile.
    pub latency_p90_ms: f64,
    /// Its 99th percentile.
    pub latency_p99_ms: f64,
    /// The longest.
    pub latency_max_ms: f64,
}

/// What a controller has got over. It may grow at its end: `size` says what the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParapolicyTroubles {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// Plans that never came: the policy hung, and its thread was abandoned. They are among `failures`, too.
    pub hangs: u64,
    /// How often the clock went back, and all plans were dropped.
    pub clock_steps: u64,
}

// SAFETY: `repr(C)`, the size comes first, and numbers may have any bytes.
unsafe impl Versioned for ParapolicyTroubles {
    const NAME: &'static str = "troubles";
    const FIRST: usize = size_of::<Self>();

    fn default_of(size: usize) -> Self {
        Self { size, hangs: 0, clock_steps: 0 }
    }
}

/// Writes the oldest event that was not fetched yet to `event`, or that there is none. Up to 64 are kept.
///
/// Any thread, the control thread too: a message is freed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_event(
    controller: *mut ParapolicyController,
    event: *mut ParapolicyEvent,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (controller, mut place) =
            unsafe { (border::shared("controller", controller)?, border::out("event", event)?) };
        let mut text = Text::new();
        let kind = match controller.monitor.events().next() {
            None => ParapolicyEventKind::None,
            Some(event) => {
                text.write_error(&event);
                kind(&event)
            }
        };
        place.write(ParapolicyEvent { kind, message: text.chars() });
        Ok(())
    })
}

fn kind(event: &WorkerEvent) -> ParapolicyEventKind {
    match event {
        WorkerEvent::NotMade(_) => ParapolicyEventKind::NotMade,
        WorkerEvent::Failed(_) => ParapolicyEventKind::Failed,
        WorkerEvent::Panicked(_) => ParapolicyEventKind::Panicked,
        WorkerEvent::Withheld(_) => ParapolicyEventKind::Withheld,
        WorkerEvent::Hung(_) => ParapolicyEventKind::Hung,
        WorkerEvent::Refused(_) => ParapolicyEventKind::Refused,
        WorkerEvent::Cut(_) => ParapolicyEventKind::Cut,
        WorkerEvent::Refined(_) => ParapolicyEventKind::Refined,
        WorkerEvent::NotRefined(_) => ParapolicyEventKind::NotRefined,
        WorkerEvent::Unobserved(_) => ParapolicyEventKind::NotObserved,
        WorkerEvent::FarOutside(_) => ParapolicyEventKind::FarOutside,
        WorkerEvent::ClockWentBack(_) => ParapolicyEventKind::ClockWentBack,
        _ => ParapolicyEventKind::Other,
    }
}

/// Writes how the controller is to `health`. Nothing is stopped for it.
///
/// Any thread but the control thread, where it may have to wait for the worker for some microseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_health(
    controller: *const ParapolicyController,
    health: *mut ParapolicyHealth,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (controller, mut place) =
            unsafe { (border::shared("controller", controller)?, border::out("health", health)?) };
        let Health { planning, plans, rounds, evaluations, failures, events_dropped, latency_ms, .. } =
            controller.monitor.health();
        place.write(ParapolicyHealth {
            planning: u64::from(planning),
            plans,
            rounds,
            evaluations,
            failures,
            events_dropped,
            latency_p50_ms: latency_ms.p50,
            latency_p90_ms: latency_ms.p90,
            latency_p99_ms: latency_ms.p99,
            latency_max_ms: latency_ms.max,
        });
        Ok(())
    })
}

/// Writes what the controller has got over to `troubles`; `size` is `sizeof *troubles`. Nothing is stopped for it.
///
/// Any thread but the control thread, where it may have to wait for the worker for some microseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_troubles(
    controller: *const ParapolicyController,
    troubles: *mut ParapolicyTroubles,
    size: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let controller = unsafe { border::shared("controller", controller) }?;
        let Health { hangs, clock_steps, .. } = controller.monitor.health();
        // SAFETY: as above.
        unsafe { versioned::write(troubles, size, ParapolicyTroubles { size, hangs, clock_steps }) }
    })
}
