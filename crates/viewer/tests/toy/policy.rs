//! A policy that is easy to foresee, and a session with it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests that need some of it each; a helper that fails is a \
    test that fails"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, s};
use parapolicy_control::controller::Continuity;
use parapolicy_control::{BoxError, Plan, Policy, Recipe};
use parapolicy_policy::Manifest;
use parapolicy_pusht::Scenario;
use parapolicy_sampler::Strategy;
use parapolicy_viewer::session::Session;
use parapolicy_viewer::setup::{Clock, Drawn, Setup};

pub const SEED: u64 = 100_003;

/// Goes right from where it finds the agent.
#[derive(Clone, Debug)]
pub struct Toy {
    /// How far each action goes, px.
    pub reach: f64,
    /// Rounds that its plans tell of.
    pub rounds: usize,
    /// How long it thinks.
    pub takes: Duration,
    /// Whether it fails, unless it is asked for sequentially.
    pub fails: bool,
    /// It thinks until it is told, or nobody can tell it any more.
    pub gate: Option<Receiver<()>>,
    pub agent: [f64; 2],
}

impl Default for Toy {
    fn default() -> Self {
        Self { reach: 5.0, rounds: 0, takes: Duration::ZERO, fails: false, gate: None, agent: [0.0; 2] }
    }
}

impl Policy for Toy {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.agent = [observation[18], observation[19]];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        std::thread::sleep(self.takes);
        if let Some(gate) = &self.gate {
            let _closed = gate.recv();
        }
        if self.fails {
            return Err("out of ideas".into());
        }
        let [x, y] = self.agent;
        let action = |(step, axis)| if axis == 0 { x + self.reach * (step + 1) as f64 } else { y };
        let actions = Array2::from_shape_fn((15, 2), action);
        let iterates = vec![actions.clone(); self.rounds];
        let latency = Duration::from_millis(7);
        Ok(Plan { actions, intended: 8, latency, rounds: self.rounds, iterates, ..Plan::default() })
    }
}

/// Plans from the agent on, three to the right of four, and one to the left.
fn fork(observations: &ArrayView2<'_, f64>) -> Drawn {
    let [x, y] = [18, 19].map(|column| observations[[observations.nrows() - 1, column]]);
    let action = |(plan, step, axis): (usize, usize, usize)| match axis {
        0 => x + (5.0 + 0.01 * (plan % 7) as f64) * (step + 1) as f64 * if plan % 4 == 0 { -1.0 } else { 1.0 },
        _ => y + 0.05 * (plan % 5) as f64,
    };
    let actions = Array3::from_shape_fn((40, 15, 2), action);
    let compared = actions.slice(s![.., ..8, ..]).mapv(|value| value / 256.0);
    Drawn { actions, compared }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn scenario() -> Scenario {
    Scenario::load(&root().join("sims/nominal.toml")).unwrap()
}

pub fn session(toy: Toy) -> Session {
    session_in(toy, Path::new("nowhere"))
}

/// A session that records to `demos`.
pub fn session_in(toy: Toy, demos: &Path) -> Session {
    let make = move |recipe: &Recipe| {
        let fails = toy.fails && recipe.strategy != Strategy::sequential();
        Ok(Box::new(Toy { fails, ..toy.clone() }) as Box<dyn Policy>)
    };
    let setup = Setup {
        manifest: Manifest::load(&root().join("models/pusht")).unwrap(),
        make: Arc::new(make),
        draw_many: Arc::new(|_| Ok(Box::new(|observations| Ok(fork(&observations))))),
        recipe: Recipe::default(),
        continuity: Continuity::Independent,
        scenarios: vec![scenario()],
        scenario: 0,
        seed: SEED,
        clock: Clock::Lockstep,
        demos: demos.to_owned(),
    };
    Session::new(setup).unwrap()
}

/// Tries until it holds; what takes 20 seconds will not.
pub fn wait(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come about");
        std::thread::sleep(Duration::from_micros(200));
    }
}
