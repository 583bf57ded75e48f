//! What to send now.

use std::time::Duration;

use parapolicy_control::playback::{Command, Excess, Source, Withheld};

use crate::border;
use crate::controller::ParapolicyController;
use crate::failure::{ParapolicyStatus, guard};

/// Where a command comes from.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicySource {
    /// Actions that a plan intends to be executed.
    Plan = 0,
    /// The plans are used up: `late` of the configuration decides.
    Late = 1,
    /// There is nothing to go by: the safe action, or the last one sent.
    Safe = 2,
}

/// Why something else is sent than what the plan, or its absence, would have led to.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyWithheld {
    /// Nothing was withheld.
    Nothing = 0,
    /// No plan has arrived yet.
    NoPlan = 1,
    /// The newest plan answers an observation that is too old: `age_ns`.
    Stale = 2,
    /// `action[index]` was NaN or infinite; the last command is sent again.
    NotFinite = 3,
    /// `action[index]` was beyond a limit: `asked`. The closest one within is sent.
    BeyondLimits = 4,
}

/// What is known of a command beside the action.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParapolicyCommand {
    /// Where it comes from.
    pub source: ParapolicySource,
    /// What was withheld, if anything.
    pub withheld: ParapolicyWithheld,
    /// Of what was withheld.
    pub age_ns: u64,
    /// Of what was withheld.
    pub index: usize,
    /// Of what was withheld.
    pub asked: f64,
}

/// Writes what to send at `time_ns` to `action`, in raw units; `len` is the policy's `action_dim`. `command`, which may be
/// null, tells where it comes from. Called once a period. If it fails, `action` is as it was.
///
/// The control thread; wait-free, without allocation, whatever the worker does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_controller_command(
    controller: *mut ParapolicyController,
    time_ns: u64,
    action: *mut f64,
    len: usize,
    command: *mut ParapolicyCommand,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let handle = unsafe { border::shared("controller", controller) }?;
        // SAFETY: as above.
        let mut room = unsafe { border::room("action", action, len, handle.shape.action_dim) }?;
        // SAFETY: as above; whoever gives no place for it is told nothing.
        let mut more = unsafe { border::out("command", command) }.ok();
        handle.enter(|controller| {
            let sent = controller.command(Duration::from_nanos(time_ns));
            room.fill(sent.action);
            if let Some(more) = &mut more {
                more.write(told(sent));
            }
            Ok(())
        })
    })
}

/// What C is told of a command.
fn told(command: Command<'_>) -> ParapolicyCommand {
    let nothing = ParapolicyWithheld::Nothing;
    let source = match command.source {
        Source::Plan => ParapolicySource::Plan,
        Source::Late => ParapolicySource::Late,
        Source::Safe => ParapolicySource::Safe,
    };
    let told = ParapolicyCommand { source, withheld: nothing, age_ns: 0, index: 0, asked: 0.0 };
    match command.withheld {
        None => told,
        Some(Withheld::NoPlan) => ParapolicyCommand { withheld: ParapolicyWithheld::NoPlan, ..told },
        Some(Withheld::Stale { age }) => {
            let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            ParapolicyCommand { withheld: ParapolicyWithheld::Stale, age_ns, ..told }
        }
        Some(Withheld::NotFinite { index }) => {
            ParapolicyCommand { withheld: ParapolicyWithheld::NotFinite, index, ..told }
        }
        Some(Withheld::BeyondLimits(Excess { index, asked, .. })) => {
            ParapolicyCommand { withheld: ParapolicyWithheld::BeyondLimits, index, asked, ..told }
        }
    }
}
