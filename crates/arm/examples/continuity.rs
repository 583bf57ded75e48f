//! What it does to the motion, and to the success, that plans begin with the end of the one before: the two-link arm on
//! simulated time, plans taking as long as stated.
//!
//! `cargo run --release -p parapolicy-arm --example continuity -- [EPISODES]`

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parapolicy_arm::{Arm, PERIOD, SPEED};
use parapolicy_control::clock::VirtualClock;
use parapolicy_control::controller::{Continuity, ControllerConfig, Fade, Replan, SamplingTime, SimulatedController};
use parapolicy_control::playback::{Between, Blend, Command, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, EpisodeObserver, Observer, StepEvent};
use parapolicy_eval::run_episode_in_realtime;
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

const MODEL: &str = "models/arm";
const FIRST_SEED: u64 = 1000;
const CONDITIONS: [Continuity; 4] = [
    Continuity::Independent,
    Continuity::inpaint(Fade::Hard),
    Continuity::inpaint(Fade::Exponential),
    Continuity::inpaint(Fade::Linear),
];

fn config(manifest: &Manifest, replan: usize, continuity: Continuity) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: Duration::from_secs_f64(PERIOD),
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits { min: vec![-SPEED; 2], max: vec![SPEED; 2], max_change: Vec::new() },
        max_age: Duration::from_secs(2),
        initial: vec![0.0; 2],
        safe: Some(vec![0.0; 2]),
        between: Between::default(),
    };
    ControllerConfig { continuity, ..ControllerConfig::of(manifest, playback, Replan::Every(replan)) }
}

/// What a plan changes: its first command, against what the plan before it intended for that moment, in rad/s; and how much
/// commands change from one to the next.
#[derive(Default)]
struct Motion {
    jumps: Vec<f64>,
    square: f64,
    /// In this episode: the last command, what the plan behind it intended next, and what that plan answered.
    last: [f64; 2],
    intended: Option<[f64; 2]>,
    observed: Option<Duration>,
    /// Whether the next command is the first of another plan than the last.
    is_of_another: bool,
}

impl Motion {
    fn begin(&mut self) {
        (self.last, self.intended, self.observed, self.is_of_another) = ([0.0; 2], None, None, false);
    }

    fn command(&mut self, command: &Command<'_>) {
        self.is_of_another = command.observed != self.observed;
        self.observed = command.observed;
    }

    fn step(&mut self, event: &StepEvent<'_>) {
        let sent = [event.action[0], event.action[1]];
        if let Some(intended) = self.intended.filter(|_| self.is_of_another) {
            self.jumps.push((sent[0] - intended[0]).hypot(sent[1] - intended[1]));
        }
        self.intended = event.ahead.get(2..4).map(|next| [next[0], next[1]]);
        self.square += (0..2).map(|joint| (sent[joint] - self.last[joint]).powi(2)).sum::<f64>();
        self.last = sent;
    }

    fn quantile(&mut self, share: f64) -> f64 {
        self.jumps.sort_by(f64::total_cmp);
        let last = self.jumps.len().saturating_sub(1) as f64;
        self.jumps.get((share * last).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

/// Measures the motion of all episodes.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Motion>>);

impl Watch {
    fn with<T>(&self, look: impl FnOnce(&mut Motion) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Watch {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        self.with(Motion::begin);
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Watch {
    fn command(&self, _time: Duration, command: &Command<'_>) {
        self.with(|motion| motion.command(command));
    }

    fn step(&self, event: &StepEvent<'_>) {
        self.with(|motion| motion.step(event));
    }
}

fn main() -> Result<(), BoxError> {
    let episodes: u64 = std::env::args().nth(1).map_or(Ok(40), |text| text.parse())?;
    let mut network = Network::load(MODEL.as_ref(), &Inference { threads: 1, ..Inference::default() }.open(&())?)?;
    let manifest = network.manifest().clone();
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, 10)?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), manifest.sample_dim())?;
    println!("latency  replan  continuity   reached  control steps  jump p50, p90  change (rms)");
    for (latency, replan) in [(25, 1), (25, 4), (100, 4)] {
        for continuity in CONDITIONS {
            let (mut reached, mut steps, watch) = (0, 0, Watch::default());
            for seed in FIRST_SEED..FIRST_SEED + episodes {
                let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
                let sampling = SamplingTime::Stated(Duration::from_millis(latency));
                let config = config(&manifest, replan, continuity);
                let (period, mut arm) = (config.playback.period, Arm::default());
                let mut commands = SimulatedController::new(config, &mut policy, sampling)?;
                let mut clock = VirtualClock::default();
                let (episode, _) = run_episode_in_realtime(&mut clock, &mut commands, &mut arm, period, seed, &watch)?;
                reached += usize::from(episode.success);
                steps += episode.control_steps;
            }
            let [median, most] = [0.5, 0.9].map(|share| watch.with(|motion| motion.quantile(share)));
            let (mean, square) = (steps as f64 / episodes as f64, watch.with(|motion| motion.square));
            let change = (square / steps as f64).sqrt();
            println!(
                "{latency:4} ms  {replan:6}  {:11}  {reached:4}/{episodes}  {mean:13.1}    {median:.3}, {most:.3}  {change:12.3}",
                continuity.to_string(),
            );
        }
    }
    Ok(())
}
