//! What a plan is told of the one before it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, ArrayView2, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource as _, Continuity, Controller, ControllerConfig, Deadline, Fade, Replan, SamplingTime,
    SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Foreseen, Late, Limits, Playback, PlaybackConfig};
use parapolicy_control::{BoxError, EpisodeObserver, Plan, Policy};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn at(period: usize) -> Duration {
    PERIOD * period as u32
}

fn playback(blend: Blend, late: Late, max_change: Option<f64>) -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend,
        late,
        limits: Limits { max_change: max_change.into_iter().collect(), ..Limits::default() },
        max_age: at(100),
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    }
}

fn config(continuity: Continuity) -> ControllerConfig {
    ControllerConfig {
        playback: playback(Blend::Switch, Late::Finish, Some(1.5)),
        replan: Replan::Every(3),
        continuity,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 16,
        watchdog: Duration::from_hours(1),
    }
}

proptest! {
    #[test]
    fn what_is_foreseen_is_what_is_sent(
        plans in prop::collection::vec((prop::collection::vec(-3.0..3.0, 1..10_usize), 1..10_usize), 1..4_usize),
        ensemble: bool, finish: bool, max_change in prop::option::of(0.1..2.0), lead in 0..8_usize,
    ) {
        let blend = if ensemble { Blend::Ensemble { decay: 0.3 } } else { Blend::Switch };
        let late = if finish { Late::Finish } else { Late::Hold };
        let mut playback = Playback::new(playback(blend, late, max_change), 12).unwrap();
        for (index, (actions, intended)) in plans.iter().enumerate() {
            let actions = Array2::from_shape_vec((actions.len(), 1), actions.clone()).unwrap();
            playback.observe(at(index));
            let observed = playback.observed().unwrap();
            playback.take(observed, actions.view(), *intended).unwrap();
            playback.command(at(index));
        }
        let now = plans.len() + lead;
        playback.command(at(now - 1));
        let mut foreseen = [f64::NAN; 12];
        let Foreseen { sent, reach } = playback.foresee(at(now), &mut foreseen);
        prop_assert!(sent <= reach);
        prop_assert!(foreseen[reach..].iter().all(|value| value.is_nan()));
        for (ahead, foreseen) in foreseen[..sent].iter().enumerate() {
            prop_assert_eq!(playback.command(at(now + ahead)).action[0], *foreseen);
        }
    }
}

type Told = Arc<Mutex<Vec<Option<Vec<f64>>>>>;

/// Plans eight actions that count up from its newest observation, five of them intended, and takes note of what it is told.
#[derive(Clone, Default)]
struct Ramp {
    newest: f64,
    committed: Option<Vec<f64>>,
    told: Told,
    /// Every action that it was told of, with its weight.
    weighed: Arc<Mutex<Vec<Vec<[f64; 2]>>>>,
}

impl Policy for Ramp {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.newest = observation[0];
        Ok(())
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>, weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        let weighed = actions.iter().zip(weights).map(|(action, weight)| [*action, *weight]).collect::<Vec<_>>();
        self.committed = Some(weighed.iter().filter(|[_, weight]| *weight == 1.0).map(|[action, _]| *action).collect());
        self.weighed.lock().unwrap().push(weighed);
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        self.told.lock().unwrap().push(self.committed.take());
        let actions = Array2::from_shape_fn((8, 1), |(step, _)| self.newest + step as f64);
        Ok(Plan { actions, intended: 5, ..Plan::default() })
    }
}

/// What was sent, a period at a time, while the plans took `latency`; and what each was told.
fn play(continuity: Continuity, latency: Duration) -> (Vec<f64>, Vec<Option<Vec<f64>>>) {
    let mut policy = Ramp::default();
    let told = Arc::clone(&policy.told);
    let sampling = SamplingTime::Stated(latency);
    let mut controller = SimulatedController::new(config(continuity), &mut policy, sampling).unwrap();
    let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
    controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
    let mut sent = Vec::new();
    for period in 0..24 {
        controller.observe(aview1(&[(period % 7) as f64]), at(period)).unwrap();
        sent.push(controller.command(at(period)).action[0]);
    }
    let told = told.lock().unwrap().clone();
    (sent, told)
}

#[test]
fn a_plan_is_told_what_will_have_been_sent_by_the_time_it_is_there() {
    for (milliseconds, fixed) in [(1, 1), (100, 1), (101, 2), (250, 3)] {
        let (sent, told) = play(Continuity::inpaint(Fade::Hard), Duration::from_millis(milliseconds));
        assert_eq!(told[0], None, "nothing is in force before the first plan");
        // Every third observation asks for a plan.
        for (plan, told) in told.iter().enumerate().take(7).skip(1) {
            let told = told.as_deref().unwrap();
            assert_eq!(told, &sent[3 * plan..3 * plan + fixed], "{milliseconds} ms, plan {plan}");
        }
    }
}

/// Plans of eight actions that take seven periods: every other one is told the last action of the one before it, which is
/// all that will have been executed when it is there, so that it is entered at its second.
#[test]
fn no_more_is_told_than_there_is() {
    let (sent, told) = play(Continuity::inpaint(Fade::Hard), at(7));
    let told: Vec<_> = told.into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(
        told,
        [&[][..], &sent[7..14], &sent[14..15], &sent[21..24]]
            .map(<[f64]>::to_vec)
            .into_iter()
            .zip(&told)
            .map(|(mut sent, told)| {
                // The fourth is told of actions that are sent after the test's end.
                sent.extend(told.iter().skip(sent.len()));
                sent
            })
            .collect::<Vec<_>>()
    );
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [0, 7, 1, 7]);
    assert!(sent[15..21].iter().all(|action| *action == sent[14]), "the last action again: nothing is executed");
}

/// A plan of eight actions that takes two periods is asked for every third: two actions will have been sent, and agreement
/// with the three that are left fades.
#[test]
fn agreement_fades_over_what_the_plan_before_has_left() {
    for (fade, fading) in [(Fade::Linear, [0.75, 0.5, 0.25]), (Fade::Exponential, [0.487_551, 0.188_770, 0.041_324])] {
        let mut policy = Ramp::default();
        let weighed = Arc::clone(&policy.weighed);
        let (config, sampling) = (config(Continuity::inpaint(fade)), SamplingTime::Stated(at(2)));
        let mut controller = SimulatedController::new(config, &mut policy, sampling).unwrap();
        let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
        controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
        for period in 0..12 {
            controller.observe(aview1(&[period as f64]), at(period)).unwrap();
            controller.command(at(period));
        }
        // The second plan is told of the first, entered at its first action; the third of the second.
        let weighed = weighed.lock().unwrap();
        let weights: Vec<f64> = weighed[1].iter().map(|[_, weight]| *weight).collect();
        assert_eq!(weights[..2], [1.0; 2], "{fade:?}");
        let far = weights[2..].iter().zip(&fading).any(|(found, expected)| (found - expected).abs() > 1e-6);
        assert!(!far && weights.len() == 5, "{fade:?}: {weights:?}");
        // It has 6, 7, 8, 9 and 10 left; commands change by 1.5 at most, and the last one was 3.5.
        let told: Vec<f64> = weighed[1].iter().map(|[action, _]| *action).collect();
        assert_eq!(told, [5.0, 6.5, 8.0, 9.0, 10.0]);
    }
}

/// Every other plan takes three times as long: by the median one action is held, by the slowest three.
#[test]
fn the_delay_is_a_quantile_of_those_seen() {
    for (quantile, held) in [(0.5, 1), (1.0, 3)] {
        let ramp = Ramp::default();
        let told = Arc::clone(&ramp.told);
        let mut policy = Uneven { ramp, plans: 0 };
        let continuity = Continuity::Inpaint { fade: Fade::Hard, quantile };
        let mut controller = SimulatedController::new(config(continuity), &mut policy, SamplingTime::Measured).unwrap();
        let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
        controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
        for period in 0..24 {
            controller.observe(aview1(&[period as f64]), at(period)).unwrap();
            controller.command(at(period));
        }
        let told = told.lock().unwrap();
        let lens: Vec<usize> = told.iter().map(|told| told.as_ref().map_or(0, Vec::len)).collect();
        assert_eq!(lens[..2], [0, 1], "what is there yet: one plan, that took a period");
        assert!(lens[2..].iter().all(|len| *len == held) && lens.len() > 5, "{quantile}: {lens:?}");
    }
}

/// Takes a period and three periods in turn, by its own account.
struct Uneven {
    ramp: Ramp,
    plans: usize,
}

impl Policy for Uneven {
    fn reset(&mut self, seed: u64) {
        self.ramp.reset(seed);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.ramp.observe(observation)
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>, weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.ramp.commit(actions, weights)
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        self.plans += 1;
        Ok(Plan { latency: if self.plans % 2 == 1 { at(1) } else { at(3) }, ..self.ramp.plan()? })
    }
}

#[test]
fn an_independent_plan_is_told_nothing() {
    let (_, told) = play(Continuity::Independent, at(2));
    assert!(told.len() > 5 && told.iter().all(Option::is_none));
}

/// Takes 150 ms by its own account.
struct Slow(Ramp);

impl Policy for Slow {
    fn reset(&mut self, seed: u64) {
        self.0.reset(seed);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0.observe(observation)
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>, weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0.commit(actions, weights)
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        Ok(Plan { latency: Duration::from_millis(150), ..self.0.plan()? })
    }
}

#[test]
fn a_worker_tells_its_policy_the_same() {
    let ramp = Ramp::default();
    let told = Arc::clone(&ramp.told);
    let make = move || Ok(Box::new(Slow(ramp.clone())) as Box<dyn Policy>);
    let mut controller = Controller::start(config(Continuity::inpaint(Fade::Hard)), make).unwrap();
    for period in 0..7 {
        controller.observe(aview1(&[period as f64]), at(period)).unwrap();
        let started = Instant::now();
        while controller.monitor().health().planning {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
        controller.command(at(period));
    }
    assert_eq!(*told.lock().unwrap(), [None, Some(vec![3.0, 4.0]), Some(vec![6.0, 7.0])]);
}
