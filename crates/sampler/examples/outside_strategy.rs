//! A strategy written outside of the sampler crate, in one file: fixed-point iteration over the whole path.
//!
//! ```text
//! x⁰_j      = the sequence with x̂0 = 0
//! x^k_{j+1} = advance(x^k_j; x̂0(x^{k-1}_j))        for all j, until no state changes by more than the tolerance
//! ```
//!
//! Every round evaluates all N steps in one batch. After k rounds the first k states are those of `sequential`, so it ends
//! after N rounds at the latest, and at tolerance 0 it ends where `sequential` ends, to the bit. It is the simplest form of
//! Picard iteration: `picard` does the same on fewer rows and in fewer rounds.
//!
//! `cargo run -p parapolicy-sampler --example outside_strategy` compares the two.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::strategy::{Diffusion, Method, Rows, Settings, StrategyKind};
use parapolicy_sampler::window::{FrozenDrift, Path, Recurrence as _, TailGuess as _};
use parapolicy_sampler::{
    BoxError, ConfigError, Denoiser, Noise, Sampler, SchedulerConfig, Solver, Statistics, Strategies, Table,
};

/// What the strategy is: its name, its settings, and how it is made ready for a table.
#[derive(Debug)]
pub struct FixedPoint;

impl StrategyKind for FixedPoint {
    fn name(&self) -> &'static str {
        "fixed-point"
    }

    fn summary(&self) -> &'static str {
        "fixed-point iteration over the whole path: every round evaluates every step"
    }

    fn defaults(&self) -> Settings {
        Settings::of_tolerance(1e-3)
    }

    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::new(Iteration {
            tolerance: settings.config().tolerance,
            begun: false,
            before: Array2::zeros((table.steps() + 1, dim)),
        }))
    }
}

/// The strategy at work on a sample.
struct Iteration {
    /// Largest change of a value at which the iteration ends, in normalised units.
    tolerance: f64,
    /// Whether the path has been guessed.
    begun: bool,
    /// The states at which the network was evaluated, `[N + 1, D]`.
    before: Array2<f32>,
}

impl Method for Iteration {
    fn begin(&mut self, _diffusion: &Diffusion<'_>, _warm: bool) {
        self.begun = false;
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        let steps = diffusion.steps();
        if !self.begun {
            FrozenDrift.guess(diffusion, path, 0..steps);
            self.begun = true;
        }
        self.before.assign(&path.states());
        Rows::of_path(diffusion.table(), path, 0..steps)
    }

    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        diffusion.write_drifts(path, 0..diffusion.steps(), predictions);
        for step in 0..diffusion.steps() {
            path.advance(diffusion, step);
        }
        let changes = path.states().into_iter().zip(&self.before).map(|(new, old)| f64::from((new - old).abs()));
        let largest = changes.fold(0.0, f64::max);
        let drawn = largest <= self.tolerance;
        if drawn {
            // The root mean square of no state's change is larger.
            statistics.note_accepted(&[largest * largest]);
        }
        drawn
    }

    /// After every round the path is whole as it is.
    fn complete(&mut self, _diffusion: &Diffusion<'_>, _path: &mut Path) {}
}

/// All strategies that can be chosen by name, this one included: the one line of registration.
pub fn strategies() -> Result<Strategies, ConfigError> {
    Strategies::default().with(&FixedPoint)
}

/// A network for data around 0.5: the noise in a Gaussian variable of variance 0.05.
struct Gaussian<'a>(&'a Table);

impl Denoiser for Gaussian<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for ((sample, mut epsilon), timestep) in samples.rows().into_iter().zip(prediction.rows_mut()).zip(timesteps) {
            let step = self.0.rows().iter().find(|step| step.timestep == *timestep).ok_or("unknown timestep")?;
            let scale = step.sigma / (step.alpha.powi(2) * 0.05 + step.sigma.powi(2));
            epsilon.zip_mut_with(&sample, |epsilon, x| *epsilon = scale * (x - step.alpha * 0.5));
        }
        Ok(())
    }
}

fn main() -> Result<(), BoxError> {
    let strategies = strategies()?;
    let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 50)?;
    let noise = Noise::draw(7, 50, 4);
    for name in ["sequential", "picard", "fixed-point"] {
        let mut sampler = Sampler::new(table.clone(), strategies.parse(name)?, 4)?;
        let sample = sampler.sample(&mut Gaussian(&table), &noise)?;
        let statistics = sample.statistics();
        println!(
            "{name:12} {:2} rounds, {:4} evaluations: {:.4}",
            statistics.rounds,
            statistics.evaluations,
            sample.sample()
        );
    }
    Ok(())
}
