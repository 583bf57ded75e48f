//! An observer written outside of the control crate, in one file: it counts what a controller sends by where it comes from,
//! and how old the newest observation behind it was.
//!
//! `cargo run -p parapolicy-control --example outside_observer` runs a policy that is slow now and then, on the wall clock.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Deadline, Replan};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Command, Late, Limits, PlaybackConfig, Source};
use parapolicy_control::{BoxError, EpisodeObserver, Observer, Plan, PlanEvent, Policy};

/// What was counted over all episodes. Clones count together. It is told in the control thread, so all it does is to add to
/// atomics: it neither waits nor allocates.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    episodes: AtomicU64,
    plans: AtomicU64,
    planned: AtomicU64,
    late: AtomicU64,
    safe: AtomicU64,
    events: AtomicU64,
    oldest_us: AtomicU64,
}

/// What was counted until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Episodes that began.
    pub episodes: u64,
    /// Plans that were ready.
    pub plans: u64,
    /// Commands from a plan.
    pub planned: u64,
    /// Commands after the plans had run out.
    pub late: u64,
    /// Commands without a plan to go by.
    pub safe: u64,
    /// What went wrong.
    pub events: u64,
    /// Greatest age of an observation that a command went back to.
    pub oldest: Duration,
}

impl Counter {
    /// What was counted until now.
    pub fn counted(&self) -> Counted {
        let Counts { episodes, plans, planned, late, safe, events, oldest_us } = &*self.0;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            episodes: get(episodes),
            plans: get(plans),
            planned: get(planned),
            late: get(late),
            safe: get(safe),
            events: get(events),
            oldest: Duration::from_micros(get(oldest_us)),
        }
    }
}

impl Observer for Counter {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        self.0.episodes.fetch_add(1, Ordering::Relaxed);
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Counter {
    fn plan(&self, _event: &PlanEvent<'_>) {
        self.0.plans.fetch_add(1, Ordering::Relaxed);
    }

    fn command(&self, time: Duration, command: &Command<'_>) {
        let count = match command.source {
            Source::Plan => &self.0.planned,
            Source::Late => &self.0.late,
            Source::Safe => &self.0.safe,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(observed) = command.observed {
            let age = time.saturating_sub(observed).as_micros();
            self.0.oldest_us.fetch_max(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn event(&self, _time: Duration, _kind: &'static str, _words: &dyn Display) {
        self.0.events.fetch_add(1, Ordering::Relaxed);
    }
}

/// Plans to stay where it is, eight actions at a time; every third plan takes its time.
struct Unsteady {
    position: f64,
    plans: u32,
}

impl Policy for Unsteady {
    fn reset(&mut self, _seed: u64) {
        self.plans = 0;
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.position = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        self.plans += 1;
        if self.plans.is_multiple_of(3) {
            std::thread::sleep(Duration::from_millis(150));
        }
        Ok(Plan { actions: Array2::from_elem((8, 1), self.position), intended: 8, ..Plan::default() })
    }
}

fn main() -> Result<(), BoxError> {
    const PERIOD: Duration = Duration::from_millis(20);
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: 50 * PERIOD,
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    let config = ControllerConfig {
        playback,
        replan: Replan::Every(4),
        continuity: Continuity::default(),
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_secs(60),
    };
    let counter = Counter::default();
    let mut controller = Controller::start(config, || Ok(Box::new(Unsteady { position: 0.0, plans: 0 })))?;
    controller.observed_by(Arc::new(counter.clone()));
    for seed in 0..2 {
        controller.reset(seed);
        let started = Instant::now();
        for tick in 0..50 {
            std::thread::sleep((tick * PERIOD).saturating_sub(started.elapsed()));
            let now = started.elapsed();
            controller.observe(aview1(&[f64::from(tick)]), now)?;
            controller.command(now);
        }
    }
    println!("{:#?}", counter.counted());
    Ok(())
}
