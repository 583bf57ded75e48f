//! The scheduler's configuration, under the names and with the defaults of `diffusers`.

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

mod named;
use named::named;

named! {
    /// How β rises over the training timesteps.
    BetaSchedule as "beta_schedule" {
        /// Evenly spaced (Ho et al. 2020, arXiv 2006.11239).
        Linear = "linear",
        /// Evenly spaced in √β (latent diffusion).
        ScaledLinear = "scaled_linear",
        /// Squared cosine, each β capped at 0.999 (Nichol & Dhariwal 2021, arXiv 2102.09672).
        SquaredcosCapV2 = "squaredcos_cap_v2",
    }
}

named! {
    /// What the network predicts.
    PredictionType as "prediction_type" {
        /// The noise ε.
        Epsilon = "epsilon",
        /// The clean sample x_0.
        Sample = "sample",
        /// v = √ᾱ ε − √(1−ᾱ) x_0 (Salimans & Ho 2022, arXiv 2202.00512).
        VPrediction = "v_prediction",
        /// The velocity ε − x_0 of the straight path x = (1−σ) x_0 + σ ε, σ = t/T: flow matching (Lipman et al. 2023,
        /// arXiv 2210.02747). β then mean nothing, and timesteps are 1 to T.
        Flow = "flow_prediction",
    }
}

named! {
    /// Variance of the noise that DDPM adds in a step.
    VarianceType as "variance_type" {
        /// The posterior variance β̃ (Ho et al. 2020, eq. 7).
        FixedSmall = "fixed_small",
        /// The same variance, which `diffusers` computes by way of its logarithm.
        FixedSmallLog = "fixed_small_log",
        /// β itself.
        FixedLarge = "fixed_large",
    }
}

named! {
    /// How the inference timesteps are taken from the training timesteps (Lin et al. 2023, arXiv 2305.08891, table 2).
    TimestepSpacing as "timestep_spacing" {
        /// Multiples of ⌊T/N⌋, from 0 up.
        Leading = "leading",
        /// Multiples of T/N, from T−1 down.
        Trailing = "trailing",
        /// Evenly spaced from 0 to T−1.
        Linspace = "linspace",
    }
}

named! {
    /// Where DPM-Solver++ ends.
    FinalSigmas as "final_sigmas_type" {
        /// At no noise at all.
        Zero = "zero",
        /// At the noise of training timestep 0.
        SigmaMin = "sigma_min",
    }
}

/// A scheduler's configuration: names, meaning and defaults of `diffusers`' `DDPMScheduler` and `DDIMScheduler`, and
/// of `DPMSolverMultistepScheduler` for the fields that only it has.
///
/// One default cannot follow all three: `timestep_spacing` is `leading`, which `DPMSolverMultistepScheduler` would
/// default to `linspace`. Fields of `diffusers` that change nothing here are ignored when read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// Timesteps the network was trained on, `T`.
    pub num_train_timesteps: usize,
    /// First β; the squared cosine has its own.
    pub beta_start: f64,
    /// Last β; the squared cosine has its own.
    pub beta_end: f64,
    /// How β rises.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// Variance of DDPM's noise.
    pub variance_type: VarianceType,
    /// Whether x̂0 is clipped. DDPM and DDIM alone: `diffusers`' DPM-Solver does not clip, and neither does ours.
    pub clip_sample: bool,
    /// Largest magnitude of a clipped x̂0.
    pub clip_sample_range: f64,
    /// How inference timesteps are chosen.
    pub timestep_spacing: TimestepSpacing,
    /// Added to every timestep under `leading` spacing.
    pub steps_offset: usize,
    /// Whether DDIM's last step ends at no noise, or at the noise of timestep 0.
    pub set_alpha_to_one: bool,
    /// Where DPM-Solver++ ends.
    pub final_sigmas_type: FinalSigmas,
    /// Whether DPM-Solver++ ends with a first-order step when there are fewer than 15.
    pub lower_order_final: bool,
    /// Whether DPM-Solver++ always ends with a first-order step.
    pub euler_at_final: bool,
    /// Switches of `diffusers` that must be off.
    #[serde(flatten, skip_serializing)]
    pub refused: Refused,
}

/// Switches of `diffusers` that change the mathematics and are not implemented: [`SchedulerConfig::validate`] names
/// the first that is on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Refused {
    /// Dynamic thresholding of x̂0.
    pub thresholding: bool,
    /// β rescaled to zero terminal signal-to-noise ratio.
    pub rescale_betas_zero_snr: bool,
    /// Karras' noise levels.
    pub use_karras_sigmas: bool,
    /// Exponential noise levels.
    pub use_exponential_sigmas: bool,
    /// Noise levels of a beta distribution.
    pub use_beta_sigmas: bool,
    /// Noise levels even in log-SNR.
    pub use_lu_lambdas: bool,
    /// Flow matching.
    pub use_flow_sigmas: bool,
    /// β given one by one.
    pub trained_betas: Option<Vec<f64>>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            prediction_type: PredictionType::Epsilon,
            variance_type: VarianceType::FixedSmall,
            clip_sample: true,
            clip_sample_range: 1.0,
            timestep_spacing: TimestepSpacing::Leading,
            steps_offset: 0,
            set_alpha_to_one: true,
            final_sigmas_type: FinalSigmas::Zero,
            lower_order_final: true,
            euler_at_final: false,
            refused: Refused::default(),
        }
    }
}

impl SchedulerConfig {
    /// More training timesteps than this are taken for a mistake.
    const MOST_TIMESTEPS: usize = 100_000;

    /// Checks every field that can be checked without knowing the solver.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the first field that is out of range, or that asks for something not implemented.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=Self::MOST_TIMESTEPS).contains(&self.num_train_timesteps) {
            let expected = format!("between 1 and {}", Self::MOST_TIMESTEPS);
            return Err(ConfigError::out_of_range("num_train_timesteps", &self.num_train_timesteps, expected));
        }
        for (field, beta) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            if !(beta > 0.0 && beta < 1.0) {
                return Err(ConfigError::out_of_range(field, &beta, "between 0 and 1, both excluded"));
            }
        }
        if !(self.clip_sample_range > 0.0 && self.clip_sample_range.is_finite()) {
            return Err(ConfigError::out_of_range("clip_sample_range", &self.clip_sample_range, "positive and finite"));
        }
        if self.prediction_type == PredictionType::Flow && self.timestep_spacing == TimestepSpacing::Leading {
            let supported = "trailing, linspace: a flow begins at pure noise";
            return Err(ConfigError::unsupported("timestep_spacing", &self.timestep_spacing, supported));
        }
        self.refused.validate()
    }
}

impl Refused {
    fn validate(&self) -> Result<(), ConfigError> {
        let switches = [
            ("thresholding", self.thresholding),
            ("rescale_betas_zero_snr", self.rescale_betas_zero_snr),
            ("use_karras_sigmas", self.use_karras_sigmas),
            ("use_exponential_sigmas", self.use_exponential_sigmas),
            ("use_beta_sigmas", self.use_beta_sigmas),
            ("use_lu_lambdas", self.use_lu_lambdas),
            ("use_flow_sigmas", self.use_flow_sigmas),
        ];
        if let Some((field, _)) = switches.into_iter().find(|(_, on)| *on) {
            return Err(ConfigError::unsupported(field, &true, "false"));
        }
        match self.trained_betas {
            Some(_) => Err(ConfigError::unsupported("trained_betas", &"a list", "a beta_schedule")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
