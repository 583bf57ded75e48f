//! The scheduler's configuration, under the names and with the defaults of `diffusers`.

use serde::Serialize;

use crate::error::ConfigError;

mod fields;
mod flow;
mod known;
mod named;
mod read;

pub use flow::{FlowConvention, FlowTime, FlowVelocity};
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
        /// The velocity of the straight path x = (1−σ) x_0 + σ ε: flow matching (Lipman et al. 2023, arXiv 2210.02747).
        /// β then mean nothing, and [`FlowConvention`] says what time and velocity are.
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

named! {
    /// Which of DPM-Solver's algorithms a configuration is for.
    AlgorithmType as "algorithm_type" {
        /// Of the ordinary differential equation, on x̂0 (Lu et al. 2022, arXiv 2211.01095).
        DpmSolverPlusPlus = "dpmsolver++",
        /// Of the stochastic one.
        SdeDpmSolverPlusPlus = "sde-dpmsolver++",
    }
}

named! {
    /// DPM-Solver's second-order step.
    SolverType as "solver_type" {
        /// By the difference of x̂0 in the middle of the step.
        Midpoint = "midpoint",
        /// By its mean.
        Heun = "heun",
    }
}

/// A scheduler's configuration: names, meaning and defaults of `diffusers`' `DDPMScheduler`, `DDIMScheduler`,
/// `DPMSolverMultistepScheduler` and `FlowMatchEulerDiscreteScheduler`, in one, as one network may be sampled by several.
///
/// What is read is checked field by field: each is honoured, known to change nothing, or refused by name, and so are
/// fields that `diffusers` does not have. `num_train_timesteps` is mandatory, and so is what the network predicts and the
/// β-schedule; for a flow, instead, `flow` ([`FlowConvention`]). `_class_name` decides three defaults: under
/// `DPMSolverMultistepScheduler` the spacing is `linspace`; `FlowMatchEulerDiscreteScheduler` implies a flow, its convention and
/// `linspace`. Without `_class_name` the spacing is `leading`, that of `DDPMScheduler` and `DDIMScheduler`; a flow has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SchedulerConfig {
    /// Timesteps the network was trained on, `T`.
    pub num_train_timesteps: usize,
    /// First β; the squared cosine has its own.
    pub beta_start: f64,
    /// Last β; the squared cosine has its own.
    pub beta_end: f64,
    /// How β rises.
    pub beta_schedule: BetaSchedule,
    /// β one by one, `[T]`, instead of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_betas: Option<Vec<f64>>,
    /// Whether β are rescaled so that no signal is left at the last timestep (Lin et al. 2023, arXiv 2305.08891).
    pub rescale_betas_zero_snr: bool,
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// Variance of DDPM's noise.
    pub variance_type: VarianceType,
    /// Whether x̂0 is clipped. DDPM and DDIM alone: `diffusers`' DPM-Solver does not clip, and neither does ours.
    pub clip_sample: bool,
    /// Largest magnitude of a clipped x̂0.
    pub clip_sample_range: f64,
    /// Whether x̂0 is thresholded dynamically instead (Saharia et al. 2022, arXiv 2205.11487): clipped to ±s and divided by s,
    /// with s the quantile `dynamic_thresholding_ratio` of its magnitudes, but at least 1 and at most `sample_max_value`.
    pub thresholding: bool,
    /// The quantile.
    pub dynamic_thresholding_ratio: f64,
    /// The largest s.
    pub sample_max_value: f64,
    /// How inference timesteps are chosen.
    pub timestep_spacing: TimestepSpacing,
    /// Added to every timestep under `leading` spacing.
    pub steps_offset: usize,
    /// Whether DDIM's last step ends at no noise, or at the noise of timestep 0.
    pub set_alpha_to_one: bool,
    /// Which of DPM-Solver++'s algorithms the configuration is for, where it says so: the other is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm_type: Option<AlgorithmType>,
    /// Order of DPM-Solver++, 1 to 3.
    pub solver_order: usize,
    /// DPM-Solver++'s second-order step.
    pub solver_type: SolverType,
    /// Where DPM-Solver++ ends.
    pub final_sigmas_type: FinalSigmas,
    /// Whether DPM-Solver++ ends with steps of lower order when there are fewer than 15.
    pub lower_order_final: bool,
    /// Whether DPM-Solver++ always ends with a first-order step.
    pub euler_at_final: bool,
    /// Least log-SNR λ = ln(α/σ) at which DPM-Solver++ begins; none for no such bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_min_clipped: Option<f64>,
    /// What a flow's time and velocity are; used for flows alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowConvention>,
    /// Shift of a flow's noise levels towards noise: σ ← shift σ / (1 + (shift − 1) σ).
    pub shift: f64,
    /// The last of a flow's noise levels, to which all are stretched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_terminal: Option<f64>,
    /// Whether a flow's Euler step goes to x̂0 and back to the next noise level with new noise.
    pub stochastic_sampling: bool,
}

impl Default for SchedulerConfig {
    /// `diffusers`' `DDPMScheduler`, of 1000 timesteps.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            variance_type: VarianceType::FixedSmall,
            clip_sample: true,
            clip_sample_range: 1.0,
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            sample_max_value: 1.0,
            timestep_spacing: TimestepSpacing::Leading,
            steps_offset: 0,
            set_alpha_to_one: true,
            algorithm_type: None,
            solver_order: 2,
            solver_type: SolverType::Midpoint,
            final_sigmas_type: FinalSigmas::Zero,
            lower_order_final: true,
            euler_at_final: false,
            lambda_min_clipped: None,
            flow: None,
            shift: 1.0,
            shift_terminal: None,
            stochastic_sampling: false,
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
        self.validate_betas()?;
        for (field, value) in [
            ("clip_sample_range", self.clip_sample_range),
            ("sample_max_value", self.sample_max_value),
            ("shift", self.shift),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(ConfigError::out_of_range(field, &value, "positive and finite"));
            }
        }
        let ratio = self.dynamic_thresholding_ratio;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(ConfigError::out_of_range("dynamic_thresholding_ratio", &ratio, "from 0 to 1"));
        }
        if !(1..=3).contains(&self.solver_order) {
            return Err(ConfigError::out_of_range("solver_order", &self.solver_order, "1, 2 or 3"));
        }
        if self.prediction_type == PredictionType::Flow { self.validate_flow() } else { self.validate_no_flow() }
    }

    fn validate_betas(&self) -> Result<(), ConfigError> {
        const EXPECTED: &str = "between 0 and 1, both excluded";
        let outside = |beta: f64| !(beta > 0.0 && beta < 1.0);
        for (field, beta) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            if outside(beta) {
                return Err(ConfigError::out_of_range(field, &beta, EXPECTED));
            }
        }
        let Some(betas) = &self.trained_betas else { return Ok(()) };
        if betas.len() != self.num_train_timesteps {
            let expected = format!("num_train_timesteps ({}) numbers", self.num_train_timesteps);
            return Err(ConfigError::out_of_range("trained_betas", &format!("a list of {}", betas.len()), expected));
        }
        match betas.iter().find(|beta| outside(**beta)) {
            Some(beta) => Err(ConfigError::out_of_range("trained_betas", beta, EXPECTED)),
            None => Ok(()),
        }
    }

    fn validate_flow(&self) -> Result<(), ConfigError> {
        if self.flow.is_none() {
            return Err(ConfigError::Missing { field: "flow", what: FlowConvention::WRITTEN });
        }
        if self.timestep_spacing == TimestepSpacing::Leading {
            let supported = "trailing, linspace: a flow begins at pure noise";
            return Err(ConfigError::unsupported("timestep_spacing", &self.timestep_spacing, supported));
        }
        let switches = [("thresholding", self.thresholding), ("rescale_betas_zero_snr", self.rescale_betas_zero_snr)];
        if let Some((field, _)) = switches.into_iter().find(|(_, on)| *on) {
            return Err(ConfigError::unsupported(field, &true, "false with prediction_type flow_prediction"));
        }
        match self.shift_terminal {
            Some(end) if !(end > 0.0 && end < 1.0) => {
                Err(ConfigError::out_of_range("shift_terminal", &end, "between 0 and 1, 1 excluded"))
            }
            _ => Ok(()),
        }
    }

    /// What means something for flows alone.
    fn validate_no_flow(&self) -> Result<(), ConfigError> {
        let set = [
            ("shift", self.shift != 1.0),
            ("shift_terminal", self.shift_terminal.is_some()),
            ("stochastic_sampling", self.stochastic_sampling),
            ("flow", self.flow.is_some()),
        ];
        match set.into_iter().find(|(_, set)| *set) {
            Some((field, _)) => Err(ConfigError::FlowAlone { field }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
