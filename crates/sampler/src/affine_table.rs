//! The affine table: all that a solver is.

use crate::config::{PredictionType, SchedulerConfig};
use crate::error::ConfigError;
use crate::limit::Limit;
use crate::prediction::Reading;
use crate::schedule::NoiseLevel;
use crate::solver::{Filled, Solver};

/// One step of the table, computed in double precision and kept in single:
///
/// ```text
/// x_{j+1} = A x_j + B x̂0_j + C x̂0_{j-1} + C₂ x̂0_{j-2} + S ξ_j + E (ε_j − ε(x̂0_j))
/// ```
///
/// C₂ is there for DPM-Solver++ of order 3 alone, and the last term for DDIM with clipping or thresholding: `diffusers` then
/// keeps the network's ε, not the ε re-derived from the limited x̂0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What the network is told at x_j: a training timestep, or a flow's time.
    pub timestep: f32,
    /// √ᾱ at that timestep; of a flow 1 − σ.
    pub alpha: f32,
    /// √(1−ᾱ) at that timestep; of a flow σ, its share of noise.
    pub sigma: f32,
    /// A.
    pub state: f32,
    /// B.
    pub denoised: f32,
    /// C.
    pub previous: f32,
    /// C₂.
    pub earlier: f32,
    /// S.
    pub noise: f32,
    /// E.
    pub excess: f32,
    /// Variance that a change of x_j is measured against: that of the noise this step adds in DDPM, DDPM's posterior
    /// variance in the other solvers.
    pub variance: f64,
}

impl Step {
    /// Whether it can be taken: two noise levels that are one in single precision, or almost, are divided by their difference.
    fn is_finite(&self) -> bool {
        let coefficients = [self.state, self.denoised, self.previous, self.earlier, self.noise, self.excess];
        coefficients.iter().all(|value| value.is_finite()) && self.variance.is_finite()
    }

    pub(crate) fn level(&self) -> NoiseLevel {
        NoiseLevel { timestep: self.timestep, alpha: self.alpha, sigma: self.sigma }
    }
}

/// A solver's steps from pure noise to the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    solver: Solver,
    reading: Reading,
    limit: Limit,
    rows: Vec<Step>,
    timesteps: Vec<f32>,
}

impl Table {
    /// Fills the table of `solver` for `steps` steps of a network trained under `config`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the configuration is not valid, the solver is not one for what the network predicts, `steps` is 0
    /// or more than `num_train_timesteps`, or odd for `midpoint`, η is outside [0, 1], the configuration is for another of
    /// DPM-Solver++'s algorithms, the spacing yields timesteps that repeat or that the network was not trained on, or a
    /// coefficient is not finite in single precision.
    pub fn new(config: &SchedulerConfig, solver: Solver, steps: usize) -> Result<Self, ConfigError> {
        config.validate()?;
        solver.check(config, steps)?;
        let Filled { levels, coefficients } = solver.fill(config, steps)?;
        let rows = levels.into_iter().zip(coefficients).map(|(NoiseLevel { timestep, alpha, sigma }, row)| Step {
            timestep,
            alpha,
            sigma,
            state: row.state as f32,
            denoised: row.denoised as f32,
            previous: row.previous as f32,
            earlier: row.earlier as f32,
            noise: row.noise as f32,
            excess: row.excess as f32,
            variance: row.variance,
        });
        let rows: Vec<Step> = rows.collect();
        if let Some(row) = rows.iter().find(|row| !row.is_finite()) {
            let expected = format!(
                "another number, or the betas others: the coefficients of {solver} at timestep {} are not finite in single \
                 precision",
                row.timestep
            );
            return Err(ConfigError::out_of_range("steps", &steps, expected));
        }
        Ok(Self {
            timesteps: rows.iter().map(|row| row.timestep).collect(),
            solver,
            reading: Reading::of(config),
            limit: Limit::of(config, solver.clips()),
            rows,
        })
    }

    /// The table without its first `steps` steps, for samples that begin partly denoised.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if no step would be left.
    pub fn skip(&self, steps: usize) -> Result<Self, ConfigError> {
        if steps >= self.rows.len() {
            let expected = format!("less than the number of steps ({})", self.rows.len());
            return Err(ConfigError::out_of_range("skipped steps", &steps, expected));
        }
        let (rows, timesteps) = (self.rows[steps..].to_vec(), self.timesteps[steps..].to_vec());
        Ok(Self { rows, timesteps, ..self.clone() })
    }

    /// Number of steps, `N`.
    pub fn steps(&self) -> usize {
        self.rows.len()
    }

    /// What the network is told at each step, `[N]`: the training timesteps visited, descending; of a flow, its time.
    pub fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    /// The rows of the table, `[N]`.
    pub fn rows(&self) -> &[Step] {
        &self.rows
    }

    /// σ² that a change of x_1, …, x_N is measured against. Before the last step, and after it, it is 0: x_{N-1} and
    /// x_N are only final once they are computed from a final state, so that the last x̂0, which is the sample, is
    /// never that of a guess.
    pub(crate) fn variances(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().skip(1).map(|row| row.variance).chain([0.0])
    }

    /// The solver that filled the table.
    pub fn solver(&self) -> Solver {
        self.solver
    }

    /// What the network predicts.
    pub fn prediction_type(&self) -> PredictionType {
        self.reading.prediction_type
    }

    /// Largest magnitude of x̂0, if it is clipped.
    pub fn clip(&self) -> Option<f32> {
        if let Limit::Clip(range) = self.limit { Some(range) } else { None }
    }

    /// How predictions are read.
    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }

    /// What keeps x̂0 within bounds.
    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    /// How many earlier x̂0 a step depends on, at most: 0, 1 or 2.
    pub(crate) fn lags(&self) -> usize {
        let lags = |row: &Step| if row.earlier != 0.0 { 2 } else { usize::from(row.previous != 0.0) };
        self.rows.iter().map(lags).max().unwrap_or(0)
    }

    /// Whether any step needs the difference between the network's ε and the re-derived one.
    pub(crate) fn carries_excess(&self) -> bool {
        self.rows.iter().any(|row| row.excess != 0.0)
    }
}
