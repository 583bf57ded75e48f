//! Plans are given the time that the loop can spare, and are there by then.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource as _, Continuity, Controller, ControllerConfig, ControllerError, Deadline, Replan, SamplingTime,
    SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig, Source};
use parapolicy_control::{BoxError, DiffusionPolicy, EpisodeObserver, Plan, Policy, Recipe};

const PERIOD: Duration = Duration::from_millis(100);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn config(deadline: Deadline, late: Late) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late,
        limits: Limits::default(),
        max_age: PERIOD * 100,
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Every(4),
        continuity: Continuity::Independent,
        deadline,
        check: PlanCheck::default(),
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 12,
        watchdog: Duration::from_hours(1),
    }
}

type Given = Arc<Mutex<Vec<Option<Duration>>>>;

/// Needs two seconds for a plan of twelve actions, eight of them intended, by its own account; or as long as it is given and
/// `more`: its last round does not end with the deadline.
#[derive(Clone)]
struct Anytime {
    more: Duration,
    within: Option<Duration>,
    given: Given,
}

impl Anytime {
    fn new(more: Duration) -> Self {
        Self { more, within: None, given: Given::default() }
    }
}

impl Policy for Anytime {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn be_done_within(&mut self, time: Duration) {
        self.within = Some(time);
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let (whole, within) = (Duration::from_secs(2), self.within.take());
        self.given.lock().unwrap().push(within);
        let latency = within.map_or(whole, |within| whole.min(within + self.more));
        let residual = (latency < whole).then_some(0.1);
        Ok(Plan { actions: Array2::ones((12, 1)), intended: 8, latency, residual, ..Plan::default() })
    }
}

/// Where 120 commands came from, and what time each plan was given.
fn played(config: ControllerConfig, more: Duration) -> (Vec<Source>, Vec<Option<Duration>>) {
    let mut policy = Anytime::new(more);
    let given = Arc::clone(&policy.given);
    let mut controller = SimulatedController::new(config, &mut policy, SamplingTime::Measured).unwrap();
    let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
    controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
    let mut sources = Vec::new();
    for period in 0..120 {
        controller.observe(aview1(&[0.0]), PERIOD * period).unwrap();
        sources.push(controller.command(PERIOD * period).source);
    }
    let given = given.lock().unwrap().clone();
    (sources, given)
}

/// The first plan is there after 20 periods, whatever is asked: nothing runs out before it.
fn late_after_the_first(sources: &[Source]) -> usize {
    assert!(sources[..20].iter().all(|source| *source == Source::Safe), "{sources:?}");
    sources[20..].iter().filter(|source| **source != Source::Plan).count()
}

#[test]
fn a_slow_policy_s_plans_are_there_in_time_and_are_late_without() {
    let (sources, given) = played(config(Deadline::Own, Late::Hold), Duration::ZERO);
    assert!(late_after_the_first(&sources) > 50, "two seconds of every plan, and 0.8 of them acted on");
    assert!(given.iter().all(Option::is_none));

    let (sources, given) = played(config(Deadline::of_loop(), Late::Hold), Duration::ZERO);
    assert_eq!(late_after_the_first(&sources), 0);
    // The first plan is there with the 21st observation, which asks for the next: of eight actions, half. When that is there,
    // with the 25th, the first has four left, until the nearest would be the ninth.
    assert_eq!(given[..3], [None, Some(Duration::from_millis(400)), Some(Duration::from_millis(350))]);
}

/// Of a plan that is played to its end the rest counts, too; of one that is too old soon, what is left of its age.
#[test]
fn a_plan_runs_out_when_nothing_of_it_is_sent_any_more() {
    let (_, given) = played(config(Deadline::of_loop(), Late::Finish), Duration::ZERO);
    assert_eq!(given[1], Some(Duration::from_millis(600)), "half of twelve actions");
    let base = config(Deadline::of_loop(), Late::Hold);
    let playback = PlaybackConfig { max_age: Duration::from_millis(2300), ..base.playback.clone() };
    let (_, given) = played(ControllerConfig { playback, ..base }, Duration::ZERO);
    assert_eq!(given[1], Some(Duration::from_millis(300)), "its observation is two seconds old");
}

/// A sampler whose last round takes 300 ms too long is late once, and is given so much less from then on.
#[test]
fn what_plans_take_beyond_their_time_is_kept_in_reserve() {
    let more = Duration::from_millis(300);
    let (sources, given) = played(config(Deadline::of_loop(), Late::Hold), more);
    assert_eq!(given[1], Some(Duration::from_millis(400)), "nothing is known yet");
    assert!(given[3..].iter().all(|given| given.unwrap() <= Duration::from_millis(400) - more), "{given:?}");
    assert_eq!(late_after_the_first(&sources[..32]), 3, "{given:?}");
    assert!(sources[32..].iter().all(|source| *source == Source::Plan), "{given:?}");
}

#[test]
fn a_plan_is_given_half_a_period_at_least() {
    let more = Duration::from_millis(900);
    let (_, given) = played(config(Deadline::of_loop(), Late::Hold), more);
    assert!(given.iter().flatten().skip(1).all(|given| *given == PERIOD / 2), "{given:?}");
}

#[test]
fn a_worker_gives_its_policy_the_same_time() {
    let policy = Anytime::new(Duration::ZERO);
    let given = Arc::clone(&policy.given);
    let make = move || Ok(Box::new(policy.clone()) as Box<dyn Policy>);
    let mut controller = Controller::start(config(Deadline::of_loop(), Late::Hold), make).unwrap();
    for period in 0..9 {
        controller.observe(aview1(&[0.0]), PERIOD * period).unwrap();
        let started = Instant::now();
        while controller.monitor().health().planning {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
        controller.command(PERIOD * period);
    }
    let ms = Duration::from_millis;
    // Four actions of eight were sent of each.
    assert_eq!(*given.lock().unwrap(), [None, Some(ms(350)), Some(ms(350))]);
}

#[test]
fn a_quantile_that_is_none_is_refused() {
    for quantile in [0.0, 1.5, f64::NAN] {
        let wrong = config(Deadline::Loop { quantile }, Late::Hold).validate().unwrap_err();
        assert!(matches!(wrong, ControllerError::Quantile { .. }), "{wrong}");
    }
}

/// The shipped policy, whose plan is cut short by a time that has passed before its first round is over; the next is whole.
#[test]
fn a_diffusion_policy_hands_out_the_best_plan_by_then() {
    let model = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht"));
    let (network, sampler) = Recipe::default().load(model).unwrap();
    let mut policy = DiffusionPolicy::new(network, sampler);
    let mut plan = |within: Option<Duration>| {
        policy.reset(3);
        policy.observe(Array1::from_elem(20, 256.0).view()).unwrap();
        within.into_iter().for_each(|within| policy.be_done_within(within));
        policy.plan().unwrap()
    };
    let (cut, whole) = (plan(Some(Duration::from_nanos(1))), plan(None));
    assert!(cut.residual.is_some() && cut.rounds < whole.rounds, "{} and {} rounds", cut.rounds, whole.rounds);
    assert_eq!(whole.residual, None);
    assert_eq!(plan(Some(PATIENCE)).actions, whole.actions, "there is time enough");
}
