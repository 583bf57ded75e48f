//! The thread that plays an episode: it takes control steps when they are due, and waits neither for frames nor, unless
//! the world is to, for the policy.
//!
//! ```text
//! frames   ──orders, never waiting──▶   episode   ──observations──▶   policy
//!          ◀──────newest scene──────              ◀────newest plan──
//! ```

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parapolicy_pusht::PERIOD;
use triple_buffer::{Input, Output, triple_buffer};

use crate::order::Order;
use crate::play::{Play, Progress};
use crate::scene::Scene;
use crate::session::POLL_INTERVAL;

/// Orders that may wait: more than a person gives in one control step.
const ORDERS: usize = 256;

/// For how long a round of a plan is shown.
const ROUND: Duration = Duration::from_millis(120);

/// An episode that goes on by itself. Dropping it ends its thread.
#[derive(Debug)]
pub struct PlayThread {
    orders: Option<Sender<Order>>,
    scenes: Output<Scene>,
    thread: Option<JoinHandle<()>>,
}

impl PlayThread {
    /// Puts an episode in a thread of its own.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(play: impl Play) -> std::io::Result<Self> {
        let (orders, given) = bounded(ORDERS);
        let (shown, scenes) = triple_buffer(&play.scene());
        let thread = std::thread::Builder::new().name("parapolicy-play".into());
        let thread = thread.spawn(move || run(play, &given, shown))?;
        Ok(Self { orders: Some(orders), scenes, thread: Some(thread) })
    }

    /// Gives an order. It does not wait: one that there is no room for is lost.
    pub fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _full = orders.try_send(order);
        }
    }

    /// The newest scene. It does not wait.
    pub fn scene(&mut self) -> &Scene {
        self.scenes.read()
    }
}

impl Drop for PlayThread {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn run(mut play: impl Play, orders: &Receiver<Order>, mut scenes: Input<Scene>) {
    let (mut due, mut idle) = (Instant::now(), false);
    loop {
        match orders.recv_deadline(due) {
            Ok(order) => {
                play.order(order);
                if idle {
                    // The order may have ended a pause.
                    due = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let progress = play.advance();
                due = next(progress, due, PERIOD.div_f64(play.speed()));
                idle = progress == Progress::Idle;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        scenes.write(play.scene());
    }
}

/// When to go on. Control steps that were missed are not caught up on.
fn next(progress: Progress, due: Instant, step: Duration) -> Instant {
    let now = Instant::now();
    match progress {
        Progress::Stepped => (due + step).max(now),
        Progress::Round => now + ROUND,
        Progress::Waiting => now + POLL_INTERVAL,
        Progress::Idle => now + PERIOD,
    }
}
