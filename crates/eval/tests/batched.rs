//! Episodes whose plans are drawn together are the episodes run one by one.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};
use parapolicy_control::{
    BatchedPolicy, BoxError, Environment, EpisodeObserver, Observer, Outcome, Plan, PlanEvent, Policy, StepEvent,
};
use parapolicy_eval::{Episode, EpisodeError, run_episode, run_episodes};
use proptest::prelude::*;

/// A line to walk along, from a place that the seed says to 1; it ends sooner or later, as the seed says, too.
#[derive(Default)]
struct Line {
    position: f64,
    steps: usize,
    limit: usize,
}

impl Environment for Line {
    fn observation_dim(&self) -> usize {
        1
    }
    fn action_dim(&self) -> usize {
        1
    }
    fn period(&self) -> Duration {
        Duration::from_millis(100)
    }
    fn resting_action(&self) -> Array1<f64> {
        Array1::zeros(1)
    }
    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        *self = Self { position: (seed % 17) as f64 / 20.0, steps: 0, limit: 5 + (seed % 23) as usize };
        Ok(())
    }
    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        observation[0] = self.position;
        Ok(())
    }
    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        if !action[0].is_finite() {
            return Err("no such place".into());
        }
        self.position += action[0];
        self.steps += 1;
        let success = self.position >= 1.0;
        let over = success || self.steps == self.limit;
        Ok(Outcome { reward: self.position.clamp(0.0, 1.0), success, over, violation: (self.position - 1.1).max(0.0) })
    }
    fn scene(&self, numbers: &mut Vec<f64>) {
        numbers.push(self.position);
    }
}

/// Plans from all that it has seen in the episode, and from the seed.
#[derive(Clone, Default)]
struct Walker {
    seen: f64,
    observations: usize,
    plans: usize,
}

impl Policy for Walker {
    fn reset(&mut self, seed: u64) {
        *self = Self { seen: 0.01 * (seed % 7) as f64, observations: 0, plans: 0 };
    }
    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.seen = 0.5 * self.seen + observation[0];
        self.observations += 1;
        Ok(())
    }
    fn plan(&mut self) -> Result<Plan, BoxError> {
        self.plans += 1;
        let actions = Array2::from_shape_fn((1 + self.plans % 4, 1), |(step, _)| 0.02 * self.seen + 0.01 * step as f64);
        let (rounds, evaluations) = (self.plans, self.observations);
        Ok(Plan { intended: actions.nrows(), actions, together: 1, rounds, evaluations, ..Plan::default() })
    }
}

/// A walker for every environment; notes how many plans each call asked for.
struct Walkers {
    walkers: Vec<Walker>,
    calls: Vec<usize>,
    answer: fn(Vec<Plan>) -> Result<Vec<Plan>, BoxError>,
}

impl Walkers {
    fn new(count: usize) -> Self {
        Self { walkers: vec![Walker::default(); count], calls: Vec::new(), answer: Ok }
    }
}

impl BatchedPolicy for Walkers {
    fn reset(&mut self, environment: usize, seed: u64) {
        self.walkers[environment].reset(seed);
    }
    fn observe(&mut self, environment: usize, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.walkers[environment].observe(observation)
    }
    fn plan(&mut self, environments: &[usize]) -> Result<Vec<Plan>, BoxError> {
        self.calls.push(environments.len());
        (self.answer)(environments.iter().map(|&one| self.walkers[one].plan()).collect::<Result<_, _>>()?)
    }
}

fn lines(count: usize) -> Vec<Box<dyn Environment>> {
    (0..count).map(|_| Box::new(Line::default()) as _).collect()
}

/// Of each step its number, the actions that its plan has left, what was observed, and where that led; and how many plans
/// there had been.
type Steps = Vec<(usize, usize, f64, f64, usize)>;

/// Keeps the steps of every episode, by its seed.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<BTreeMap<u64, Steps>>>);

struct ShownEpisode {
    seed: u64,
    plans: Mutex<usize>,
    all: Shown,
}

impl Observer for Shown {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(ShownEpisode { seed, plans: Mutex::default(), all: self.clone() })
    }
}

impl EpisodeObserver for ShownEpisode {
    fn plan(&self, _event: &PlanEvent<'_>) {
        *self.plans.lock().unwrap() += 1;
    }

    fn step(&self, event: &StepEvent<'_>) {
        let plans = *self.plans.lock().unwrap();
        let step = (event.index, event.ahead.len(), event.observation[0], event.scene[0], plans);
        self.all.0.lock().unwrap().entry(self.seed).or_default().push(step);
    }
}

proptest! {
    #[test]
    fn together_is_one_by_one(environments in 1..6_usize, first in 0..1000_u64, episodes in 0..20_u64) {
        let seeds = first..first + episodes;
        let steps_alone = Shown::default();
        let alone: Vec<Episode> = seeds.clone().map(|seed| {
            run_episode(&mut Walker::default(), &mut Line::default(), seed, &steps_alone).unwrap()
        }).collect();

        let mut policy = Walkers::new(environments);
        let steps = Shown::default();
        let found = run_episodes(&mut policy, &mut lines(environments), seeds, &steps).unwrap();
        prop_assert_eq!(found, alone);
        prop_assert_eq!(&*steps.0.lock().unwrap(), &*steps_alone.0.lock().unwrap());

        // While there are seeds, every environment takes part in every call.
        prop_assert!(policy.calls.is_sorted_by(|before, after| before >= after));
        prop_assert_eq!(policy.calls.first().copied().unwrap_or(0), environments.min(episodes as usize));
    }
}

/// The error of a run and its cause.
fn refusal(environments: usize, answer: fn(Vec<Plan>) -> Result<Vec<Plan>, BoxError>) -> String {
    let mut policy = Walkers { answer, ..Walkers::new(environments) };
    let error: EpisodeError = run_episodes(&mut policy, &mut lines(environments), [4, 9], &()).unwrap_err();
    let cause = error.source().map(ToString::to_string);
    [Some(error.to_string()), cause].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

#[test]
fn errors_name_the_episode() {
    let errors = [
        refusal(0, Ok),
        refusal(2, |_| Err("no plan".into())),
        refusal(2, |plans| Ok(plans[..1].to_vec())),
        refusal(2, |mut plans| {
            plans[1].actions = Array2::zeros((0, 1));
            Ok(plans)
        }),
        refusal(2, |mut plans| {
            plans[1].actions[[0, 0]] = f64::NAN;
            Ok(plans)
        }),
    ];
    let expected = [
        "there is no environment to run episodes in",
        "the policy failed to plan for the episodes of the seeds [4, 9] together: no plan",
        "the policy gave 1 plans to 2 episodes",
        "the episode of seed 9: a plan of shape [0, 1] cannot be executed: the environment takes actions of length 1",
        "the episode of seed 9: the environment failed at control step 0",
    ];
    assert_eq!(errors, expected);
}
