//! An environment written outside of the crate is chosen by name and played in every loop.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "the example has a main function")]
#[path = "../examples/outside_environment.rs"]
mod outside_environment;

use std::time::Duration;

use outside_environment::{Cart, RAIL, Straight, environments, manifest};
use parapolicy_control::clock::VirtualClock;
use parapolicy_control::controller::{ControllerConfig, Replan, SamplingTime, SimulatedController};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BatchedPolicy, BoxError, Environment, Plan, Policy as _};
use parapolicy_eval::{Environments, Recorder, run_episode, run_episode_in_realtime, run_episodes};
use parapolicy_policy::Manifest;
use parapolicy_pusht::PUSHT;

fn cart() -> Box<dyn Environment> {
    environments().unwrap().parse("rail").unwrap().kind().scenario(None).unwrap().make(&manifest().unwrap()).unwrap()
}

#[test]
fn episodes_are_played_and_recorded() {
    for seed in 0..11_u64 {
        let recorder = Recorder::of(seed);
        let observer = recorder.sampler("straight");
        let episode = run_episode(&mut Straight::default(), &mut *cart(), seed, &observer).unwrap();
        // From 0 to the mark, 5 cm a step.
        let mark = 0.1 + 0.09 * seed as f64;
        assert_eq!(episode.control_steps, ((mark - 0.005) / 0.05).ceil() as usize, "seed {seed}");
        assert!(episode.success && episode.violations == 0 && episode.reward > 0.995);
        assert_eq!(episode.plans.len(), episode.control_steps.div_ceil(4));

        run_episode(&mut Straight::default(), &mut *cart(), seed, &observer).unwrap();
        let moments = recorder.recordings().first.remove(0).moments;
        assert_eq!(moments.len(), episode.control_steps, "the first episode of this seed alone");
        assert_eq!(moments.last().unwrap().scene[1], mark);
        assert!((moments.last().unwrap().scene[0] - mark).abs() <= 0.005);
    }
}

/// Two policies of one kind, as one for many.
struct Both([Straight; 2]);

impl BatchedPolicy for Both {
    fn reset(&mut self, environment: usize, seed: u64) {
        self.0[environment].reset(seed);
    }

    fn observe(&mut self, environment: usize, observation: ndarray::ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0[environment].observe(observation)
    }

    fn plan(&mut self, environments: &[usize]) -> Result<Vec<Plan>, BoxError> {
        environments.iter().map(|&environment| self.0[environment].plan()).collect()
    }
}

#[test]
fn several_are_played_together_as_each_is_alone() {
    let alone: Vec<_> =
        (0..5).map(|seed| run_episode(&mut Straight::default(), &mut Cart::default(), seed, &()).unwrap()).collect();
    let mut both = Both([Straight::default(), Straight::default()]);
    assert_eq!(run_episodes(&mut both, &mut [cart(), cart()], 0..5, &()).unwrap(), alone);
}

#[test]
fn it_is_played_in_time() {
    let mut environment = cart();
    let period = environment.period();
    let playback = PlaybackConfig {
        period,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: Duration::from_secs(1),
        initial: vec![0.0],
        safe: Some(vec![0.0]),
        between: Between::default(),
    };
    let config = ControllerConfig::of(&manifest().unwrap(), playback, Replan::Every(4));
    let mut policy = Straight::default();
    let sampling = SamplingTime::Stated(Duration::ZERO);
    let mut commands = SimulatedController::new(config, &mut policy, sampling).unwrap();
    let clock = &mut VirtualClock::default();
    let (episode, _) = run_episode_in_realtime(clock, &mut commands, &mut *environment, period, 7, &()).unwrap();
    assert_eq!(episode, run_episode(&mut Straight::default(), &mut Cart::default(), 7, &()).unwrap());
}

#[test]
fn names_are_those_of_the_list() {
    let list = environments().unwrap().with(PUSHT.kind()).unwrap();
    assert_eq!(list.iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["rail", "pusht"]);
    assert_eq!(list.parse("rail").unwrap(), RAIL);
    let unknown = list.parse("Rail").unwrap_err().to_string();
    assert_eq!(unknown, "environment: `Rail` is not known; use rail, pusht");
    assert!(Environments::default().parse("rail").is_err(), "a list has what was put on it");
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let twice = environments().unwrap().with(RAIL.kind()).unwrap_err().to_string();
    assert_eq!(twice, "there is an environment named `rail` already: give yours another name");
}

#[test]
fn what_it_has_not_is_refused() {
    let refused = RAIL.kind().scenario(Some("steep.toml".as_ref())).err().unwrap().to_string();
    assert_eq!(refused, "steep.toml: the environment rail reads no scenarios; leave it out");

    let pusht = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let manifest = Manifest::load(pusht.as_ref()).unwrap();
    let refused = RAIL.kind().scenario(None).unwrap().make(&manifest).err().unwrap().to_string();
    assert_eq!(refused, "the policy sees 20 numbers and gives 2, but a rail has 2 and takes 1");
}
