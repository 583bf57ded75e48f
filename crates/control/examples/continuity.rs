//! What it does to the motion, and to the success, that plans begin with the end of the one before: the two-link arm on
//! simulated time, plans taking as long as stated.
//!
//! `cargo run --release -p parapolicy-control --example continuity -- [EPISODES]`

#[path = "arm/arm.rs"]
mod arm;

use std::time::Duration;

use arm::{Arm, PERIOD, SPEED};
use parapolicy_control::controller::{Continuity, ControllerConfig, Replan, SamplingTime, SimulatedController};
use parapolicy_control::playback::{Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::realtime::VirtualClock;
use parapolicy_control::{BoxError, DiffusionPolicy, Environment as _, run_episode_in_time};
use parapolicy_policy::{Inference, Manifest, Policy};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

const MODEL: &str = "models/arm";
const FIRST_SEED: u64 = 1000;

fn config(manifest: &Manifest, replan: usize, continuity: Continuity) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: Duration::from_secs_f64(PERIOD),
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits { min: vec![-SPEED; 2], max: vec![SPEED; 2], max_change: Vec::new() },
        max_age: Duration::from_secs(2),
        initial: vec![0.0; 2],
        safe: Some(vec![0.0; 2]),
    };
    ControllerConfig { continuity, ..ControllerConfig::of(manifest, playback, Replan::Every(replan)) }
}

/// What a plan changes: its first command, against what the plan before it intended for that moment, in rad/s.
#[derive(Default)]
struct Jumps {
    lengths: Vec<f64>,
    intended: Option<[f64; 2]>,
    observed: Option<Duration>,
}

impl Jumps {
    fn quantile(&mut self, share: f64) -> f64 {
        self.lengths.sort_by(f64::total_cmp);
        let last = self.lengths.len().saturating_sub(1) as f64;
        self.lengths.get((share * last).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

fn main() -> Result<(), BoxError> {
    let episodes: u64 = std::env::args().nth(1).map_or(Ok(40), |text| text.parse())?;
    let mut network = Policy::load(MODEL.as_ref(), &Inference { threads: 1, ..Inference::default() }.open(&())?)?;
    let manifest = network.manifest().clone();
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, 10)?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), manifest.sample_dim())?;
    println!("latency  replan  continuity   reached  control steps  jump p50, p90  change (rms)");
    for (latency, replan) in [(25, 1), (25, 4), (100, 4)] {
        for continuity in [Continuity::Independent, Continuity::Inpaint] {
            let (mut reached, mut steps, mut square, mut jumps) = (0, 0, 0.0, Jumps::default());
            for seed in FIRST_SEED..FIRST_SEED + episodes {
                let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
                let sampling = SamplingTime::Stated(Duration::from_millis(latency));
                let config = config(&manifest, replan, continuity);
                let (period, mut arm) = (config.playback.period, Arm::default());
                let mut last = arm.resting_action();
                (jumps.intended, jumps.observed) = (None, None);
                let mut pilot = SimulatedController::new(config, &mut policy, sampling)?;
                let mut clock = VirtualClock::default();
                let (episode, _) = run_episode_in_time(&mut clock, &mut pilot, &mut arm, period, seed, |_, moment| {
                    let sent = moment.command.action;
                    if let Some(intended) = jumps.intended.filter(|_| moment.command.observed != jumps.observed) {
                        jumps.lengths.push((sent[0] - intended[0]).hypot(sent[1] - intended[1]));
                    }
                    jumps.observed = moment.command.observed;
                    jumps.intended = moment.ahead.get(2..4).map(|next| [next[0], next[1]]);
                    square += (&sent - &last).mapv(|change| change * change).sum();
                    last.assign(&sent);
                })?;
                reached += usize::from(episode.success);
                steps += episode.control_steps;
            }
            let [median, most] = [0.5, 0.9].map(|share| jumps.quantile(share));
            let (mean, change) = (steps as f64 / episodes as f64, (square / steps as f64).sqrt());
            println!(
                "{latency:4} ms  {replan:6}  {:11}  {reached:4}/{episodes}  {mean:13.1}    {median:.3}, {most:.3}  {change:12.3}",
                format!("{continuity:?}"),
            );
        }
    }
    Ok(())
}
