//! What refinement in parallel saves: every plan that leads into a keep-out disc is refined by the serial optimiser and
//! by windows of several widths, in turn, and the robot follows the last of them.
//!
//! `cargo run --release -p parapolicy-eval --example refine -- 20` plays 20 episodes.

use ndarray::{Array2, ArrayView1};
use parapolicy_control::refine::{Refined, Refinement, Tracker};
use parapolicy_control::{BoxError, Environment as _, Plan, Policy, noise_seed};
use parapolicy_eval::run_episode;
use parapolicy_policy::{Inference, Network, ObservationHistory};
use parapolicy_pusht::{PushT, Scenario};
use parapolicy_sampler::{Noise, RefinerConfig, Sampler, Solver, Strategy, Table, WindowConfig};

/// Steps of the optimiser.
const STEPS: usize = 50;

/// Window 1 is the serial optimiser.
const WINDOWS: [usize; 4] = [1, 8, 25, 16];

struct Comparison {
    network: Network,
    sampler: Sampler,
    refinements: Vec<Refinement>,
    tracker: Tracker,
    history: ObservationHistory,
    seed: u64,
    plans: u64,
    /// Of every plan that was refined, one a window.
    measured: Vec<Vec<Refined>>,
}

impl Policy for Comparison {
    fn reset(&mut self, seed: u64) {
        self.history.reset();
        self.tracker.reset();
        (self.seed, self.plans) = (seed, 0);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.history.push(observation);
        self.tracker.observe(observation);
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let seed = noise_seed(self.seed, self.plans);
        self.plans += 1;
        let noise = Noise::draw(seed, self.sampler.table().steps(), self.sampler.dim());
        let origin = self.network.origin(self.history.view())?;
        let mut denoiser = self.network.bind(self.history.view())?;
        let sample = self.sampler.sample(&mut denoiser, &noise)?;
        let (motion, hold) = self.tracker.now().ok_or("nothing was observed")?;
        let mut refine = |refinement: &mut Refinement| {
            refinement.refine(&mut denoiser, sample.sample(), &origin, motion, hold, !seed)
        };
        let refined = self.refinements.iter_mut().map(&mut refine).collect::<Result<Vec<Refined>, _>>()?;
        let Refined { actions, cost } = refined[WINDOWS.len() - 1].clone();
        self.tracker.follow(actions.clone());
        if cost.rounds > 0 {
            self.measured.push(refined);
        }
        let intended = actions.nrows();
        Ok(Plan { actions, intended, latency: cost.latency, together: 1, refinement: Some(cost), ..Plan::default() })
    }
}

fn main() -> Result<(), BoxError> {
    let episodes: u64 = std::env::args().nth(1).map_or(Ok(20), |argument| argument.parse())?;
    let provider = Inference::default().open(&())?;
    let network = Network::load("models/pusht".as_ref(), &provider)?;
    let mut environment = PushT::new(Scenario::load("sims/keep_out.toml".as_ref())?, network.manifest())?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let refinement = |window| -> Result<Refinement, BoxError> {
        let config = RefinerConfig { steps: STEPS, window: WindowConfig { window, ..RefinerConfig::default().window } };
        Ok(Refinement::new(&network, config, PushT::tracking()?, environment.costs(4.0)?)?)
    };
    let refinements = WINDOWS.into_iter().map(refinement).collect::<Result<_, _>>()?;
    let sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    let history = ObservationHistory::new(network.manifest().n_obs_steps, network.manifest().observation_dim());
    let tracker = environment.tracker()?.ok_or("nobody knows how the agent moves")?;
    let measured = Vec::new();
    let mut policy = Comparison { network, sampler, refinements, tracker, history, seed: 0, plans: 0, measured };

    let mut violations = 0;
    for seed in 100_000..100_000 + episodes {
        violations += run_episode(&mut policy, &mut environment, seed, &())?.violations;
    }
    println!("{} plans refined in {episodes} episodes, {violations} control steps in the disc", policy.measured.len());
    println!("window  rounds  evaluations  p50 ms  speed-up  deviation px, p50 / p90 / max");
    for (column, window) in WINDOWS.into_iter().enumerate() {
        let of = |figure: fn(&Refined) -> f64| policy.measured.iter().map(|plan| figure(&plan[column])).collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let [rounds, evaluations] =
            [of(|plan| plan.cost.rounds as f64), of(|plan| plan.cost.evaluations as f64)].map(mean);
        let latency = |column: usize| {
            let milliseconds = |plan: &Vec<Refined>| plan[column].cost.latency.as_secs_f64() * 1e3;
            quantiles(policy.measured.iter().map(milliseconds).collect())[0]
        };
        let deviation = |plan: &Vec<Refined>| largest(&(&plan[column].actions - &plan[0].actions));
        let [p50, p90, max] = quantiles(policy.measured.iter().map(deviation).collect());
        let (own, serial) = (latency(column), latency(0));
        println!(
            "{window:6} {rounds:7.1} {evaluations:12.1} {own:7.1} {:8.2}x  {p50:.2} / {p90:.2} / {max:.2}",
            serial / own
        );
    }
    Ok(())
}

fn largest(values: &Array2<f64>) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// p50, p90 and the largest; NaN without values.
fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.5, 0.9, 1.0].map(|share| {
        values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(f64::NAN)
    })
}
