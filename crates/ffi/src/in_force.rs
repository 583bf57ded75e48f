//! The plan that commands come from.

use std::mem::size_of;

use parapolicy_control::controller::InForce;

use crate::border;
use crate::controller::ParapolicyController;
use crate::draw::{ParapolicyCost, nanoseconds};
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::versioned::{self, Versioned};

/// What is known of a plan beside its actions. It may grow at its end: `size` says what the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParapolicyPlan {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// Actions, of those that were written; 0 where there is no plan.
    pub len: usize,
    /// Of these, how many are meant to be executed.
    pub intended: usize,
    /// When the observation was taken that the plan answers, in ns of the caller's clock; the first action is for that time.
    pub observed_ns: u64,
    /// What it took.
    pub cost: ParapolicyCost,
}

// SAFETY: `repr(C)`, the size comes first, and numbers may have any bytes.
unsafe impl Versioned for ParapolicyPlan {
    const NAME: &'static str = "plan";
    const FIRST: usize = size_of::<Self>();

    fn default_of(size: usize) -> Self {
        Self { size, len: 0, intended: 0, observed_ns: 0, cost: ParapolicyCost::default() }
    }
}

impl ParapolicyPlan {
    fn of(size: usize, plan: &InForce<'_>) -> Self {
        let InForce { observed, actions, intended, cost } = plan;
        let cost = ParapolicyCost::new(cost.latency, cost.rounds, cost.evaluations, cost.residual);
        Self { size, len: actions.nrows(), intended: *intended, observed_ns: nanoseconds(*observed), cost }
    }
}

/// Writes the plan that commands come from to `actions`, which has room for `[horizon][action_dim]` (`len` numbers), and what is
/// known of it to `plan`; `size` is `sizeof *plan`. Where there is none yet, its `len` is 0, and `actions` is as it was.
///
/// The control thread; wait-free, without allocation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_plan(
    controller: *mut ParapolicyController,
    actions: *mut f64,
    len: usize,
    plan: *mut ParapolicyPlan,
    size: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { border::shared("controller", controller) }?;
        let shape = handle.shape;
        // SAFETY: as above.
        let mut room = unsafe { border::room("actions", actions, len, shape.horizon * shape.action_dim) }?;
        if plan.is_null() {
            return Err(Failure::Null("plan"));
        }
        handle.enter(|controller| {
            let told = match controller.plan() {
                None => ParapolicyPlan::default_of(size),
                Some(in_force) => {
                    let told = ParapolicyPlan::of(size, &in_force);
                    room.fill(in_force.actions);
                    told
                }
            };
            // SAFETY: as above.
            unsafe { versioned::write(plan, size, told) }
        })
    })
}
