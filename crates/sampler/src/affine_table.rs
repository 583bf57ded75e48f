//! The affine table: all that a solver is.

use crate::config::{PredictionType, SchedulerConfig};
use crate::error::ConfigError;
use crate::schedule::{NoiseLevel, cumulative_alphas, noise_levels};
use crate::solver::Solver;
use crate::timesteps::timesteps;

/// One step of the table, computed in double precision and kept in single:
///
/// ```text
/// x_{j+1} = A x_j + B x̂0_j + C x̂0_{j-1} + S ξ_j + E (ε_j − ε(x̂0_j))
/// ```
///
/// The last term is there for DDIM with clipping alone: `diffusers` then keeps the network's ε, not the ε re-derived
/// from the clipped x̂0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The training timestep at which x_j is evaluated.
    pub timestep: f32,
    /// √ᾱ at that timestep; of a flow 1 − t/T.
    pub alpha: f32,
    /// √(1−ᾱ) at that timestep; of a flow t/T.
    pub sigma: f32,
    /// A.
    pub state: f32,
    /// B.
    pub denoised: f32,
    /// C.
    pub previous: f32,
    /// S.
    pub noise: f32,
    /// E.
    pub excess: f32,
    /// Variance that a change of x_j is measured against: that of the noise this step adds in DDPM, DDPM's posterior
    /// variance in the other solvers.
    pub variance: f64,
}

impl Step {
    pub(crate) fn level(&self) -> NoiseLevel {
        NoiseLevel { timestep: self.timestep, alpha: self.alpha, sigma: self.sigma }
    }
}

/// A solver's steps from pure noise to the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    solver: Solver,
    prediction_type: PredictionType,
    clip: Option<f32>,
    rows: Vec<Step>,
    timesteps: Vec<f32>,
}

impl Table {
    /// Fills the table of `solver` for `steps` steps of a network trained under `config`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the configuration is not valid, the solver is not one for what the network predicts, `steps` is 0
    /// or more than `num_train_timesteps`, or odd for `midpoint`, η is outside [0, 1], or the spacing yields timesteps that repeat or that the network was not trained on.
    pub fn new(config: &SchedulerConfig, solver: Solver, steps: usize) -> Result<Self, ConfigError> {
        config.validate()?;
        solver.validate()?;
        solver.check(config.prediction_type, steps)?;
        let timesteps = timesteps(config, steps, solver.drops_last_timestep())?;
        let alphas = cumulative_alphas(config);
        let coefficients = solver.coefficients(config, &alphas, &timesteps);
        let levels = noise_levels(config, &timesteps)?;
        let rows = levels.into_iter().zip(coefficients).map(|(NoiseLevel { timestep, alpha, sigma }, row)| Step {
            timestep,
            alpha,
            sigma,
            state: row.state as f32,
            denoised: row.denoised as f32,
            previous: row.previous as f32,
            noise: row.noise as f32,
            excess: row.excess as f32,
            variance: row.variance,
        });
        let rows: Vec<Step> = rows.collect();
        Ok(Self {
            timesteps: rows.iter().map(|row| row.timestep).collect(),
            solver,
            prediction_type: config.prediction_type,
            clip: (config.clip_sample && solver.clips()).then_some(config.clip_sample_range as f32),
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

    /// The training timesteps visited, descending, `[N]`.
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
        self.prediction_type
    }

    /// Largest magnitude of x̂0, if it is clipped.
    pub fn clip(&self) -> Option<f32> {
        self.clip
    }

    /// Whether any step needs the difference between the network's ε and the re-derived one.
    pub(crate) fn carries_excess(&self) -> bool {
        self.rows.iter().any(|row| row.excess != 0.0)
    }
}
