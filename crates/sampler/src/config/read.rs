//! Reads a configuration: every field is honoured, known to change nothing, or refused by name.
//!
//! What a field that is left out means is what `diffusers` takes it for, but for the fields without which a schedule is
//! anyone's guess: those are mandatory.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::fields::Fields;
use super::known::{self, FIELDS, Treatment};
use super::named::named;
use super::{BetaSchedule, FlowConvention, FlowTime, FlowVelocity, PredictionType, SchedulerConfig, TimestepSpacing};
use crate::error::ConfigError;

named! {
    /// The scheduler of `diffusers` whose configuration it is.
    Class as "_class_name" {
        Ddpm = "DDPMScheduler",
        Ddim = "DDIMScheduler",
        DpmSolver = "DPMSolverMultistepScheduler",
        FlowMatchEuler = "FlowMatchEulerDiscreteScheduler",
    }
}

impl<'de> Deserialize<'de> for SchedulerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        read(fields).map_err(D::Error::custom)
    }
}

fn read(mut fields: Fields) -> Result<SchedulerConfig, ConfigError> {
    // First: what is missing may be there, misspelt.
    if let Some(field) = fields.other_than(|field| FIELDS.iter().any(|(known, _)| *known == field)) {
        return Err(known::unknown(field));
    }
    for (field, treatment) in FIELDS {
        match treatment {
            Treatment::Harmless => fields.ignore(field),
            Treatment::Off if fields.switch(field)? == Some(true) => {
                return Err(ConfigError::unsupported(field, &true, "false"));
            }
            _ => {}
        }
    }
    let class = fields.named("_class_name")?;
    let prediction_type = prediction_type(&mut fields, class)?;
    let mut config = SchedulerConfig {
        num_train_timesteps: needed(
            fields.whole("num_train_timesteps")?,
            "num_train_timesteps",
            "the number that the network was trained with",
        )?,
        prediction_type,
        ..SchedulerConfig::default()
    };
    schedule(&mut fields, &mut config)?;
    spacing(&mut fields, &mut config, class)?;
    denoised(&mut fields, &mut config)?;
    solvers(&mut fields, &mut config)?;
    flow(&mut fields, &mut config, class)?;
    Ok(config)
}

fn needed<T>(value: Option<T>, field: &'static str, what: &'static str) -> Result<T, ConfigError> {
    value.ok_or(ConfigError::Missing { field, what })
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// A flow's class implies it.
fn prediction_type(fields: &mut Fields, class: Option<Class>) -> Result<PredictionType, ConfigError> {
    let given = fields.named("prediction_type")?;
    let flows = class == Some(Class::FlowMatchEuler);
    match given {
        None if flows => Ok(PredictionType::Flow),
        Some(given) if flows && given != PredictionType::Flow => {
            Err(ConfigError::unsupported("prediction_type", &given, "flow_prediction with this _class_name"))
        }
        Some(PredictionType::Flow) if class.is_some() && !flows => Err(ConfigError::unsupported(
            "prediction_type",
            &PredictionType::Flow,
            "_class_name FlowMatchEulerDiscreteScheduler with it, or none",
        )),
        given => needed(given, "prediction_type", "epsilon, sample, v_prediction or flow_prediction, as in training"),
    }
}

/// β. A flow has none.
fn schedule(fields: &mut Fields, config: &mut SchedulerConfig) -> Result<(), ConfigError> {
    const AS_IN_TRAINING: &str = "as in training";
    let flow = config.prediction_type == PredictionType::Flow;
    config.trained_betas = fields.numbers("trained_betas")?;
    let schedule = fields.named("beta_schedule")?;
    let [start, end] = [fields.number("beta_start")?, fields.number("beta_end")?];
    set(&mut config.rescale_betas_zero_snr, fields.switch("rescale_betas_zero_snr")?);
    if !flow && config.trained_betas.is_none() {
        config.beta_schedule =
            needed(schedule, "beta_schedule", "linear, scaled_linear or squaredcos_cap_v2, as in training")?;
        if config.beta_schedule != BetaSchedule::SquaredcosCapV2 {
            config.beta_start = needed(start, "beta_start", AS_IN_TRAINING)?;
            config.beta_end = needed(end, "beta_end", AS_IN_TRAINING)?;
        }
    }
    Ok(())
}

/// `linspace` of a DPM-Solver and of a flow of `diffusers`, `leading` of the others, as `diffusers` has it. A flow without a
/// class has no default.
fn spacing(fields: &mut Fields, config: &mut SchedulerConfig, class: Option<Class>) -> Result<(), ConfigError> {
    let given: Option<TimestepSpacing> = fields.named("timestep_spacing")?;
    let flow = config.prediction_type == PredictionType::Flow;
    config.timestep_spacing = match (given, class) {
        (Some(spacing), Some(Class::FlowMatchEuler)) if spacing != TimestepSpacing::Linspace => {
            return Err(ConfigError::unsupported("timestep_spacing", &spacing, "linspace with this _class_name"));
        }
        (Some(spacing), _) => spacing,
        (None, Some(Class::DpmSolver | Class::FlowMatchEuler)) => TimestepSpacing::Linspace,
        (None, None) if flow => {
            needed(None, "timestep_spacing", "trailing, even steps from pure noise, or linspace, as diffusers")?
        }
        (None, _) => TimestepSpacing::Leading,
    };
    set(&mut config.steps_offset, fields.whole("steps_offset")?);
    Ok(())
}

/// What becomes of x̂0.
fn denoised(fields: &mut Fields, config: &mut SchedulerConfig) -> Result<(), ConfigError> {
    let flow = config.prediction_type == PredictionType::Flow;
    let clip = fields.switch("clip_sample")?;
    if flow && clip == Some(true) {
        return Err(ConfigError::unsupported("clip_sample", &true, "false: a flow's samples are not clipped"));
    }
    config.clip_sample = clip.unwrap_or(!flow);
    set(&mut config.clip_sample_range, fields.number("clip_sample_range")?);
    set(&mut config.thresholding, fields.switch("thresholding")?);
    set(&mut config.dynamic_thresholding_ratio, fields.number("dynamic_thresholding_ratio")?);
    set(&mut config.sample_max_value, fields.number("sample_max_value")?);
    Ok(())
}

fn solvers(fields: &mut Fields, config: &mut SchedulerConfig) -> Result<(), ConfigError> {
    set(&mut config.variance_type, fields.named("variance_type")?);
    set(&mut config.set_alpha_to_one, fields.switch("set_alpha_to_one")?);
    config.algorithm_type = fields.named("algorithm_type")?;
    set(&mut config.solver_order, fields.whole("solver_order")?);
    set(&mut config.solver_type, fields.named("solver_type")?);
    set(&mut config.final_sigmas_type, fields.named("final_sigmas_type")?);
    set(&mut config.lower_order_final, fields.switch("lower_order_final")?);
    set(&mut config.euler_at_final, fields.switch("euler_at_final")?);
    config.lambda_min_clipped = fields.logarithm("lambda_min_clipped")?;
    Ok(())
}

fn flow(fields: &mut Fields, config: &mut SchedulerConfig, class: Option<Class>) -> Result<(), ConfigError> {
    set(&mut config.shift, fields.number("shift")?);
    // Of no effect at 0, as in `diffusers`.
    config.shift_terminal = fields.number("shift_terminal")?.filter(|end| *end != 0.0);
    set(&mut config.stochastic_sampling, fields.switch("stochastic_sampling")?);
    let inverted = fields.switch("invert_sigmas")? == Some(true);
    let written = fields.fields("flow")?;
    if config.prediction_type != PredictionType::Flow {
        let switches = [("invert_sigmas", inverted), ("flow", written.is_some())];
        return match switches.into_iter().find(|(_, there)| *there) {
            Some((field, _)) => Err(ConfigError::FlowAlone { field }),
            None => Ok(()),
        };
    }
    if inverted && config.stochastic_sampling {
        // There the new noise replaces the data, and the sample is noise.
        return Err(ConfigError::unsupported("stochastic_sampling", &true, "false: invert_sigmas is true"));
    }
    config.flow = Some(match (written, class) {
        (Some(_), _) if inverted => {
            return Err(ConfigError::unsupported("invert_sigmas", &true, "flow alone, which says the same"));
        }
        (Some(written), _) => convention(written)?,
        (None, Some(_)) if inverted => FlowConvention::INVERTED,
        (None, Some(_)) => FlowConvention::DIFFUSERS,
        (None, None) => needed(None, "flow", FlowConvention::WRITTEN)?,
    });
    Ok(())
}

fn convention(mut fields: Fields) -> Result<FlowConvention, ConfigError> {
    if let Some(field) = fields.other_than(|field| ["time", "noise_at", "velocity"].contains(&field)) {
        return Err(ConfigError::UnknownField { field: format!("flow.{field}"), nearest: None });
    }
    let time: Option<FlowTime> = fields.named("time")?;
    let velocity: Option<FlowVelocity> = fields.named("velocity")?;
    let noise_at = match fields.whole("noise_at")? {
        Some(end @ 0..=1) => Some(end as u8),
        Some(end) => return Err(ConfigError::out_of_range("flow.noise_at", &end, "0 or 1")),
        None => None,
    };
    Ok(FlowConvention {
        time: needed(time, "flow.time", FlowConvention::WRITTEN)?,
        noise_at: needed(noise_at, "flow.noise_at", FlowConvention::WRITTEN)?,
        velocity: needed(velocity, "flow.velocity", FlowConvention::WRITTEN)?,
    })
}
