//! Ctrl-C and SIGTERM: the first ends what goes on at the next control step or plan, with what was measured so far; a second
//! one ends the program at once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use parapolicy_control::{EpisodeObserver, Observer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;

/// A process has one set of signal handlers.
static LISTENING: OnceLock<Stop> = OnceLock::new();

/// Whether somebody asked the program to stop. As an observer it cancels episodes.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// The signal that came, 0 for none.
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Listens from now on. Commands that do not listen are ended by the first signal.
    pub fn listen() -> Result<Self, Failure> {
        let stop = Self::default();
        stop.register().context("signals cannot be listened to")?;
        Ok(LISTENING.get_or_init(|| stop).clone())
    }

    fn register(&self) -> io::Result<()> {
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds `again` false, and sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
            flag::register(signal, Arc::clone(&again))?;
            flag::register_usize(signal, Arc::clone(&self.signal), signal.unsigned_abs() as usize)?;
        }
        Ok(())
    }

    /// That of this process; where it does not listen, one that is never asked.
    pub fn current() -> Self {
        LISTENING.get().cloned().unwrap_or_default()
    }

    /// Whether the program was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.signal.load(Ordering::Relaxed) > 0
    }

    /// What a program exits with that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM; 0 if none has come.
    pub fn exit_code(&self) -> u8 {
        match self.signal.load(Ordering::Relaxed) {
            0 => 0,
            signal => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// Ends the command if the program was asked to stop: `what` was done by then.
    pub fn check(&self, what: &str) -> Result<(), Failure> {
        if self.is_asked() { Err(Failure::Stopped(what.to_owned())) } else { Ok(()) }
    }
}

impl Observer for Stop {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Stop {
    fn cancels(&self) -> bool {
        self.is_asked()
    }
}
