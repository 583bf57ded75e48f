//! Realtime scheduling and locked memory, requested from the operating system so that a control thread wakes in time.

use serde::{Deserialize, Serialize};

/// What was requested and what was obtained. A loop also runs without it; reports record which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealtimeSupport {
    /// Priority under `SCHED_FIFO` that was asked for.
    pub priority: u8,
    /// `SCHED_FIFO` with that priority was obtained.
    pub fifo: bool,
    /// All current memory of the process is locked (`mlockall`), so that the loop never waits for a page fault.
    pub memory_locked: bool,
    /// Why something was not obtained.
    pub refused: Vec<String>,
}

impl RealtimeSupport {
    /// Asks for `SCHED_FIFO` with `priority`, from 1 to 99, for this thread and those that it starts from now on, and
    /// for the memory that the process has so far to be locked. Linux asks for a privilege (`CAP_SYS_NICE`,
    /// `CAP_IPC_LOCK`) or for limits (`ulimit -r`, `ulimit -l`).
    #[must_use]
    pub fn obtain(priority: u8) -> Self {
        let (fifo, locked) = (system::fifo(priority), system::lock_memory());
        let mut support = Self { priority, fifo: fifo.is_ok(), memory_locked: locked.is_ok(), refused: Vec::new() };
        support.refused.extend(fifo.err().map(|error| format!("SCHED_FIFO with priority {priority}: {error}")));
        support.refused.extend(locked.err().map(|error| format!("mlockall: {error}")));
        support
    }
}

#[cfg(target_os = "linux")]
mod system {
    use nix::sys::mman::{MlockAllFlags, mlockall};
    use thread_priority::{
        Error, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy_param,
    };

    const FIFO: ThreadSchedulePolicy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);

    /// Requests `SCHED_FIFO` with this priority, and reads it back to confirm.
    pub fn fifo(priority: u8) -> Result<(), String> {
        let text = |error: Error| match error {
            Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
            error => error.to_string(),
        };
        let value = ThreadPriority::Crossplatform(ThreadPriorityValue::try_from(priority)?);
        set_thread_priority_and_policy(thread_native_id(), value, FIFO).map_err(text)?;
        let (policy, parameters) = thread_schedule_policy_param(thread_native_id()).map_err(text)?;
        let found = parameters.sched_priority;
        let obtained = policy == FIFO && found == i32::from(priority);
        if obtained { Ok(()) } else { Err(format!("{policy:?} with priority {found} was obtained")) }
    }

    /// Memory allocated later is not locked: with `MCL_FUTURE`, allocations beyond the limit would fail.
    pub fn lock_memory() -> Result<(), String> {
        mlockall(MlockAllFlags::MCL_CURRENT).map_err(|error| error.desc().to_owned())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    const REFUSAL: &str = "only asked for on Linux";

    pub fn fifo(_priority: u8) -> Result<(), String> {
        Err(REFUSAL.to_owned())
    }

    pub fn lock_memory() -> Result<(), String> {
        Err(REFUSAL.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With or without the privilege, `refused` lists exactly what was not obtained.
    #[test]
    fn what_was_not_obtained_is_told() {
        let support = std::thread::spawn(|| RealtimeSupport::obtain(10)).join().unwrap();
        let expected = usize::from(!support.fifo) + usize::from(!support.memory_locked);
        assert_eq!(support.refused.len(), expected, "{support:?}");
        let wrong = std::thread::spawn(|| RealtimeSupport::obtain(200)).join().unwrap();
        assert!(!wrong.fifo && wrong.refused[0].starts_with("SCHED_FIFO with priority 200: "), "{wrong:?}");
    }
}
