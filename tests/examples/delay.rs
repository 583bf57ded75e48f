//! What a delay costs in PushT, and what no policy could win back: reward against stated latency on simulated time, for
//! plans drawn in several ways, among them by an oracle that knows what its own actions will have done to the table when the
//! plan is there, but not where somebody else shoves the block meanwhile.
//!
//! `cargo run --release -p parapolicy-tests --example delay -- SCENARIO EPISODES LATENCIES CONDITION…`, a condition being
//! `REPLAN/CONTINUITY/POLICY`, `always/exponential/plain` say.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, concatenate, s};
use parapolicy_control::clock::VirtualClock;
use parapolicy_control::controller::{Continuity, ControllerConfig, Replan, SamplingTime, SimulatedController};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, Environment, Outcome, Plan, Policy};
use parapolicy_eval::realtime::Timing;
use parapolicy_eval::{bootstrap_mean, run_episode_in_realtime};
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_pusht::{PERIOD, PushT, Scenario, State, World};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

const MODEL: &str = "models/pusht";
const FIRST_SEED: u64 = 100_000;

/// The table, shared with the policy that foresees it.
struct Shared(Rc<RefCell<PushT>>);

impl Environment for Shared {
    fn observation_dim(&self) -> usize {
        self.0.borrow().observation_dim()
    }

    fn action_dim(&self) -> usize {
        self.0.borrow().action_dim()
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn resting_action(&self) -> Array1<f64> {
        self.0.borrow().resting_action()
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        self.0.borrow_mut().reset(seed)
    }

    fn observe(&mut self, observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        self.0.borrow_mut().observe(observation)
    }

    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        self.0.borrow_mut().step(action)
    }
}

/// What is known of the table at the time when the plan will be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foresight {
    /// Nothing: the policy plans from what it sees.
    None,
    /// Where the agent will be; the block is taken to stay.
    Agent,
    /// All but what others do to the block.
    Oracle,
}

/// Plans for the table as it will be when the plan is there, as far as that is foreseen.
struct Foreseeing<P> {
    policy: P,
    table: Rc<RefCell<PushT>>,
    world: World,
    foresight: Foresight,
    sent: Array2<f64>,
}

impl<P: Policy> Policy for Foreseeing<P> {
    fn reset(&mut self, seed: u64) {
        self.policy.reset(seed);
        self.sent = Array2::zeros((0, 2));
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.policy.observe(observation)
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>, weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        if self.foresight == Foresight::None {
            return self.policy.commit(actions, weights);
        }
        let sent = weights.iter().take_while(|weight| **weight == 1.0).count();
        self.sent = actions.slice(s![..sent, ..]).to_owned();
        // Later ones are for the time from which on it is planned.
        if sent < actions.nrows() {
            self.policy.commit(actions.slice(s![sent.., ..]), weights.slice(s![sent..]))?;
        }
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let sent = std::mem::replace(&mut self.sent, Array2::zeros((0, 2)));
        if sent.is_empty() {
            return self.policy.plan();
        }
        let block = {
            let table = self.table.borrow();
            self.world.restore(&table.task().world().snapshot());
            self.world.state().block
        };
        for action in sent.rows() {
            self.world.step([action[0], action[1]])?;
            let mut state = self.world.state();
            if self.foresight == Foresight::Agent {
                state.block = block;
            }
            self.policy.observe(seen(&state).view())?;
        }
        let plan = self.policy.plan()?;
        let actions = concatenate(Axis(0), &[sent.view(), plan.actions.view()])?;
        Ok(Plan { actions, intended: sent.nrows() + plan.intended, ..plan })
    }
}

/// What the shipped policy sees: nine points of the block, and the agent.
fn seen(state: &State) -> Array1<f64> {
    state.keypoints()[..18].iter().copied().chain(state.agent.iter().copied()).collect()
}

fn config(manifest: &Manifest, replan: Replan, continuity: Continuity) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits::default(),
        max_age: Duration::from_secs(4),
        initial: vec![0.0; 2],
        safe: None,
        between: Between::default(),
    };
    // Room for what is foreseen before the plan.
    let horizon = 2 * manifest.horizon;
    ControllerConfig { continuity, horizon, ..ControllerConfig::of(manifest, playback, replan) }
}

struct Condition {
    name: String,
    replan: Replan,
    continuity: Continuity,
    foresight: Foresight,
}

fn condition(text: &str) -> Result<Condition, BoxError> {
    let parts: Vec<&str> = text.split('/').collect();
    let [replan, continuity, policy] = parts[..] else {
        return Err(format!("{text}: REPLAN/CONTINUITY/POLICY").into());
    };
    let foresight = match policy {
        "plain" => Foresight::None,
        "agent" => Foresight::Agent,
        "oracle" => Foresight::Oracle,
        _ => return Err(format!("{policy}: plain, agent or oracle").into()),
    };
    let (replan, continuity) = (replan.parse()?, continuity.parse()?);
    Ok(Condition { name: text.to_owned(), replan, continuity, foresight })
}

fn shown(values: &[f64]) -> String {
    bootstrap_mean(values).map_or_else(|| "–".to_owned(), |found| format!("({:+.3} – {:+.3})", found.low, found.high))
}

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, episodes, latencies, conditions @ ..] = &arguments[..] else {
        return Err("SCENARIO EPISODES LATENCIES CONDITION…".into());
    };
    let latencies: Vec<u64> = latencies.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (episodes, scenario) = (episodes.parse::<u64>()?, Scenario::load(scenario.as_ref())?);
    let mut network = Network::load(MODEL.as_ref(), &Inference { threads: 1, ..Inference::default() }.open(&())?)?;
    let manifest = network.manifest().clone();
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, 10)?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), manifest.sample_dim())?;
    println!(
        "condition                        latency  reward (95 %)           less the first's (95 %)   success  jump px  jerk px/s³"
    );
    let mut first: Option<Vec<f64>> = None;
    for text in conditions {
        let condition = condition(text)?;
        for &latency in &latencies {
            let (mut rewards, mut successes, mut timing) = (Vec::new(), 0, Timing::new(false));
            for seed in FIRST_SEED..FIRST_SEED + episodes {
                let table = Rc::new(RefCell::new(PushT::new(scenario.clone(), &manifest)?));
                let policy = DiffusionPolicy::new(&mut network, &mut sampler);
                let (world, sent) = (World::new(), Array2::zeros((0, 2)));
                let foresight = condition.foresight;
                let mut policy = Foreseeing { policy, table: Rc::clone(&table), world, foresight, sent };
                let config = config(&manifest, condition.replan, condition.continuity);
                let sampling = SamplingTime::Stated(Duration::from_millis(latency));
                let mut commands = SimulatedController::new(config, &mut policy, sampling)?;
                let (mut clock, mut world) = (VirtualClock::default(), Shared(table));
                let (episode, timed) =
                    run_episode_in_realtime(&mut clock, &mut commands, &mut world, PERIOD, seed, &())?;
                rewards.push(episode.reward);
                successes += usize::from(episode.success);
                timing.merge(&timed);
            }
            let mean = rewards.iter().sum::<f64>() / episodes as f64;
            let interval = shown(&rewards);
            let base = first.get_or_insert_with(|| rewards.clone());
            let less: Vec<f64> = rewards.iter().zip(base.iter()).map(|(reward, first)| reward - first).collect();
            let difference = less.iter().sum::<f64>() / episodes as f64;
            let smooth = timing.report().smoothness;
            let [jump, jerk] = smooth.map_or([f64::NAN; 2], |smooth| [smooth.jump_rms, smooth.jerk_rms]);
            println!(
                "{:32} {latency:5} ms  {mean:.3} {interval}  {difference:+.3} {}  {successes:3}  {jump:5.1}  {jerk:8.0}",
                condition.name,
                shown(&less),
            );
        }
    }
    Ok(())
}
