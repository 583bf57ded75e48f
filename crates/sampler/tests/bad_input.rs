//! Whatever is handed in: an answer or a typed error with the field's name, never a panic.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::error::Error as _;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{
    BetaSchedule, BoxError, Denoiser, FinalSigmas, FlowConvention, Noise, PredictionType, SampleError, Sampler,
    SchedulerConfig, Solver, SolverType, Strategies, Strategy, Table, TimestepSpacing, WindowConfig,
};
use proptest::prelude::*;

fn config_text(change: &str) -> String {
    let read = serde_json::from_str::<SchedulerConfig>(change).map_err(|error| error.to_string());
    read.and_then(|config| config.validate().map_err(|error| error.to_string())).unwrap_err()
}

#[test]
fn a_configuration_is_refused_by_field() {
    let with = |fields: &str| {
        let needed = r#""num_train_timesteps": 100, "prediction_type": "epsilon""#;
        config_text(&format!(r#"{{{needed}, {fields}}}"#))
    };
    let cosine = |fields: &str| with(&format!(r#""beta_schedule": "squaredcos_cap_v2", {fields}"#));
    let text = with(r#""beta_schedule": "sigmoid""#);
    assert!(text.starts_with("beta_schedule: `sigmoid` is not supported; use linear, scaled_linear"), "{text}");
    assert_eq!(config_text(r#"{"prediction_type": 3}"#), "prediction_type must be a name in quotes");
    let text = cosine(r#""use_karras_sigmas": true"#);
    assert_eq!(text, "use_karras_sigmas: `true` is not supported; use false");
    let text = with(r#""trained_betas": [0.1, 0.2]"#);
    assert_eq!(text, "trained_betas is a list of 2, but must be num_train_timesteps (100) numbers");
    // Of two things that are wrong, the one that explains the other.
    let text = config_text(r#"{"num_train_timesteps": 100, "prediction_typ": "sample"}"#);
    assert_eq!(text, "prediction_typ is no field of a scheduler; did you mean prediction_type?");
    assert_eq!(cosine(r#""timestep_type": "discrete""#), "timestep_type is no field of a scheduler");
    assert_eq!(cosine(r#""eta": 0.5"#), "eta is no field of a scheduler");
    assert_eq!(cosine(r#""clip_sample_range": "wide""#), "clip_sample_range must be a number");
    assert_eq!(cosine(r#""shift": 3.0"#), "shift is for networks whose prediction_type is flow_prediction; remove it");
    assert_eq!(
        cosine(r#""invert_sigmas": true"#),
        "invert_sigmas is for networks whose prediction_type is flow_prediction; remove it"
    );
    assert_eq!(
        config_text(
            r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 100,
                "prediction_type": "flow_prediction", "invert_sigmas": true, "stochastic_sampling": true}"#
        ),
        "stochastic_sampling: `true` is not supported; use false: invert_sigmas is true"
    );
    assert_eq!(cosine(r#""use_dynamic_shifting": true"#), "use_dynamic_shifting: `true` is not supported; use false");
    assert_eq!(cosine(r#""solver_order": 4"#), "solver_order is 4, but must be 1, 2 or 3");
    assert_eq!(cosine(r#""steps_offset": 1.5"#), "steps_offset is 1.5, but must be a whole number, 0 or more");
    let text = cosine(r#""algorithm_type": "dpmsolver""#);
    assert_eq!(text, "algorithm_type: `dpmsolver` is not supported; use dpmsolver++, sde-dpmsolver++");
    let text = cosine(r#""_class_name": "EulerDiscreteScheduler""#);
    assert!(text.starts_with("_class_name: `EulerDiscreteScheduler` is not supported; use DDPMScheduler"), "{text}");
    assert!(cosine(r#""steps_offset": 1, "steps_offset": 2"#).starts_with("steps_offset is written twice"));
}

#[test]
fn what_a_schedule_cannot_do_without_is_asked_for() {
    let text = config_text(r#"{"beta_schedule": "linear"}"#);
    assert!(text.starts_with("prediction_type is missing"), "{text}");
    let text = config_text(r#"{"prediction_type": "sample"}"#);
    assert!(text.starts_with("num_train_timesteps is missing"), "{text}");
    let text = config_text(r#"{"prediction_type": "sample", "num_train_timesteps": 10}"#);
    assert!(text.starts_with("beta_schedule is missing"), "{text}");
    let text = config_text(r#"{"prediction_type": "sample", "num_train_timesteps": 10, "beta_schedule": "linear"}"#);
    assert!(text.starts_with("beta_start is missing"), "{text}");
    let flow = r#""prediction_type": "flow_prediction", "num_train_timesteps": 10, "timestep_spacing": "trailing""#;
    let text = config_text(&format!("{{{flow}}}"));
    assert!(
        text.starts_with(r#"flow is missing; write "flow": {"time": "unit" or "train_timesteps", "noise_at""#),
        "{text}"
    );
    let text = config_text(&format!(r#"{{{flow}, "flow": {{"time": "unit", "noise_at": 0}}}}"#));
    assert!(text.starts_with("flow.velocity is missing"), "{text}");
    let text = config_text(&format!(r#"{{{flow}, "_class_name": "FlowMatchEulerDiscreteScheduler"}}"#));
    assert!(text.starts_with("timestep_spacing: `trailing` is not supported; use linspace"), "{text}");
}

#[test]
fn a_class_implies_its_defaults() {
    let read = |text: &str| serde_json::from_str::<SchedulerConfig>(text).unwrap();
    let schedule = r#""num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample""#;
    for (class, spacing) in [
        (r#", "_class_name": "DPMSolverMultistepScheduler""#, TimestepSpacing::Linspace),
        (r#", "_class_name": "DDIMScheduler""#, TimestepSpacing::Leading),
        ("", TimestepSpacing::Leading),
    ] {
        assert_eq!(read(&format!("{{{schedule}{class}}}")).timestep_spacing, spacing);
    }
    let flow =
        read(r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 100, "base_shift": 0.5}"#);
    assert_eq!(flow.flow, Some(FlowConvention::DIFFUSERS));
    assert_eq!((flow.prediction_type, flow.timestep_spacing), (PredictionType::Flow, TimestepSpacing::Linspace));
}

#[test]
fn a_configuration_reads_back_as_written() {
    let text = r#"{"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 100, "steps_offset": 1,
                   "prediction_type": "epsilon",
                   "_class_name": "DDPMScheduler", "trained_betas": null, "thresholding": false}"#;
    let config: SchedulerConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.beta_schedule, BetaSchedule::SquaredcosCapV2);
    let written = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<SchedulerConfig>(&written).unwrap(), config);
}

#[test]
fn a_table_is_refused_by_field() {
    let text = |change: fn(&mut SchedulerConfig), solver: &str, steps: usize| {
        let mut config = SchedulerConfig { num_train_timesteps: 100, ..SchedulerConfig::default() };
        change(&mut config);
        Table::new(&config, solver.parse().unwrap(), steps).unwrap_err().to_string()
    };
    assert_eq!(text(|_| {}, "ddpm", 0), "steps is 0, but must be between 1 and num_train_timesteps (100)");
    assert_eq!(text(|_| {}, "ddpm", 101), "steps is 101, but must be between 1 and num_train_timesteps (100)");
    let repeated = text(|_| {}, "dpmsolver++", 100);
    assert_eq!(repeated, "steps is 100, but must be fewer: leading spacing over 100 timesteps repeats some");
    let beyond = text(|config| config.steps_offset = 1, "ddim", 100);
    assert_eq!(beyond, "steps_offset is 1, but must be smaller: the first timestep would be 100 of 100");
    let dark = text(|config| (config.beta_start, config.beta_end) = (0.9, 0.999_999), "ddim", 100);
    assert!(dark.starts_with("beta_end is 0.999999, but must be smaller: no signal is left"), "{dark}");
    let silent = text(|config| (config.beta_start, config.beta_end) = (1e-60, 1e-50), "ddim", 100);
    assert!(silent.starts_with("beta_start is 0.00"), "{silent}");
    let still = text(
        |config| {
            (config.timestep_spacing, config.solver_type) = (TimestepSpacing::Trailing, SolverType::Heun);
            config.final_sigmas_type = FinalSigmas::SigmaMin;
        },
        "dpmsolver++",
        75,
    );
    assert!(still.starts_with("final_sigmas_type: `sigma_min` is not supported; use zero, or other steps"), "{still}");
    let flow = |config: &mut SchedulerConfig| {
        (config.prediction_type, config.timestep_spacing) = (PredictionType::Flow, TimestepSpacing::Trailing);
        config.flow = Some(FlowConvention::DIFFUSERS);
    };
    let no_flow = "solver: `euler` is not supported; use ddpm, ddim, ddim:ETA, dpmsolver++, sde-dpmsolver++: the network does not predict a flow";
    assert_eq!(text(|_| {}, "euler", 10), no_flow);
    assert_eq!(
        text(flow, "ddpm", 10),
        "solver: `ddpm` is not supported; use euler, midpoint: the network predicts a flow"
    );
    assert_eq!(text(flow, "midpoint", 11), "steps is 11, but must be even: midpoint takes them in pairs");
    let leading = text(
        |config| (config.prediction_type, config.flow) = (PredictionType::Flow, Some(FlowConvention::DIFFUSERS)),
        "euler",
        10,
    );
    assert!(leading.starts_with("timestep_spacing: `leading` is not supported; use trailing, linspace"), "{leading}");
    let config = SchedulerConfig::default();
    let eta = Table::new(&config, Solver::Ddim { eta: -0.1 }, 10).unwrap_err();
    assert_eq!(eta.to_string(), "eta is -0.1, but must be between 0 and 1");
}

fn table() -> Table {
    Table::new(&SchedulerConfig::default(), Solver::Ddpm, 10).unwrap()
}

#[test]
fn a_strategy_is_refused_by_field() {
    let text = |window, tolerance| {
        let strategy = Strategy::picard(WindowConfig { window, tolerance });
        Sampler::new(table(), strategy, 2).err().map(|error| error.to_string()).unwrap()
    };
    assert_eq!(text(0, 0.1), "window is 0, but must be at least 1");
    assert_eq!(text(1, f64::NAN), "tolerance is NaN, but must be finite and not negative");
    assert_eq!(text(1, -0.1), "tolerance is -0.1, but must be finite and not negative");
    assert_eq!(text(1, f64::INFINITY), "tolerance is inf, but must be finite and not negative");
    for (solver, steps) in [("ddim", 10), ("dpmsolver++", 10)] {
        let table = Table::new(&SchedulerConfig::default(), solver.parse().unwrap(), steps).unwrap();
        let refused = Sampler::new(table, Strategy::speculative(4), 2).err().unwrap().to_string();
        let start =
            format!("solver: `{solver}` is not supported; use ddpm, ddim:ETA with ETA over 0 or sde-dpmsolver++");
        assert!(refused.starts_with(&start), "{refused}");
    }
    let table_2m = Table::new(&SchedulerConfig::default(), Solver::DpmSolverPlusPlus, 10).unwrap();
    let refused = Sampler::new(table_2m, Strategy::blocks(WindowConfig::default()), 2).err().unwrap().to_string();
    assert!(
        refused.starts_with("solver: `dpmsolver++` is not supported; use ddpm, ddim, ddim:ETA or euler"),
        "{refused}"
    );
    let wild = Sampler::new(table(), Strategy::parareal(-1.0), 2).err().unwrap().to_string();
    assert_eq!(wild, "tolerance is -1, but must be finite and not negative");
    let dim = Sampler::new(table(), Strategy::sequential(), 0).err().map(|error| error.to_string());
    assert_eq!(dim.unwrap(), "dim is 0, but must be at least 1");
}

#[test]
fn noise_is_refused_by_field() {
    let text = |initial: Array1<f32>, steps: Array2<f32>| Noise::from_parts(initial, steps).unwrap_err().to_string();
    let narrow = text(Array1::zeros(3), Array2::zeros((10, 2)));
    assert_eq!(narrow, "step_noise has 2 values a step, but initial_noise has 3");
    let unknown = text(Array1::from_elem(2, f32::NAN), Array2::zeros((10, 2)));
    assert_eq!(unknown, "initial_noise holds a value that is not finite at [0]");
    let mut steps = Array2::zeros((10, 2));
    steps[[4, 1]] = f32::INFINITY;
    assert_eq!(text(Array1::zeros(2), steps), "step_noise holds a value that is not finite at [4, 1]");
}

/// Answers with `value` once it is asked for `timestep`, and with 0 before.
struct Fails {
    timestep: f32,
    value: Result<f32, &'static str>,
}

impl Denoiser for Fails {
    fn predict(
        &mut self,
        _samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        prediction.fill(0.0);
        if let Some(row) = timesteps.iter().position(|timestep| *timestep == self.timestep) {
            prediction[[row, 1]] = self.value?;
        }
        Ok(())
    }
}

/// Leaves the prediction as it is.
struct Silent;

impl Denoiser for Silent {
    fn predict(&mut self, _: ArrayView2<'_, f32>, _: &[f32], _: ArrayViewMut2<'_, f32>) -> Result<(), BoxError> {
        Ok(())
    }
}

fn sample(denoiser: &mut dyn Denoiser, strategy: Strategy, noise: &Noise) -> SampleError {
    Sampler::new(table(), strategy, 2).unwrap().sample(denoiser, noise).unwrap_err()
}

#[test]
fn a_sample_is_refused_with_the_place() {
    let noise = Noise::draw(0, 10, 2);
    // At tolerance 0 no step is left out.
    let wide = WindowConfig { window: 4, tolerance: 0.0 };
    for strategy in Strategies::default().iter().map(|strategy| strategy.with_window(wide)) {
        let nan = sample(&mut Fails { timestep: 500.0, value: Ok(f32::NAN) }, strategy, &noise);
        let expected = "the denoiser's prediction at timestep 500 holds a value that is not finite";
        assert_eq!(nan.to_string(), expected);
        let broken = sample(&mut Fails { timestep: 500.0, value: Err("out of memory") }, strategy, &noise);
        assert!(broken.to_string().starts_with("the denoiser failed at timesteps"), "{broken}");
        assert_eq!(broken.source().unwrap().to_string(), "out of memory");
        let silent = sample(&mut Silent, strategy, &noise);
        assert!(matches!(silent, SampleError::PredictionNotFinite { timestep: 900.0 }), "{silent}");
    }
    let narrow = sample(&mut Silent, Strategy::sequential(), &Noise::draw(0, 10, 3));
    assert_eq!(narrow.to_string(), "initial_noise has 3 values, but the sampler needs 2");
    let short = sample(&mut Silent, Strategy::sequential(), &Noise::draw(0, 9, 2));
    assert_eq!(short.to_string(), "step_noise has 9 steps, but the sampler needs 10");
}

#[test]
fn a_sampler_works_again_after_a_failure() {
    let noise = Noise::draw(0, 10, 2);
    let mut sampler = Sampler::new(table(), Strategy::picard(WindowConfig::default()), 2).unwrap();
    let mut whole = Fails { timestep: -1.0, value: Ok(0.0) };
    let expected = sampler.sample(&mut whole, &noise).unwrap().trajectory().to_owned();
    sampler.sample(&mut Fails { timestep: 500.0, value: Err("interrupted") }, &noise).unwrap_err();
    assert_eq!(sampler.sample(&mut whole, &noise).unwrap().trajectory(), expected);
}

prop_compose! {
    fn any_config()(
        num_train_timesteps in 0..300_usize,
        beta_start in prop_oneof![Just(f64::NAN), -0.1..1.1, 0.0..0.1],
        beta_end in prop_oneof![Just(f64::INFINITY), -0.1..1.1, 0.0..0.1],
        schedule in 0..3_usize,
        prediction in 0..3_usize,
        spacing in 0..3_usize,
        clip_sample: bool,
        clip_sample_range in prop_oneof![Just(f64::NAN), -1.0..2.0],
        steps_offset in prop_oneof![0..3_usize, Just(usize::MAX)],
        set_alpha_to_one: bool,
        solver_order in 1..4_usize,
        solver_type in prop_oneof![Just(SolverType::Midpoint), Just(SolverType::Heun)],
        final_sigmas_type in prop_oneof![Just(FinalSigmas::Zero), Just(FinalSigmas::SigmaMin)],
    ) -> SchedulerConfig {
        SchedulerConfig {
            num_train_timesteps,
            beta_start,
            beta_end,
            beta_schedule: [BetaSchedule::Linear, BetaSchedule::ScaledLinear, BetaSchedule::SquaredcosCapV2][schedule],
            prediction_type: [PredictionType::Epsilon, PredictionType::Sample, PredictionType::VPrediction][prediction],
            timestep_spacing: [TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace][spacing],
            clip_sample,
            clip_sample_range,
            steps_offset,
            set_alpha_to_one,
            solver_order,
            solver_type,
            final_sigmas_type,
            ..SchedulerConfig::default()
        }
    }
}

/// Betas that leave so little signal that two noise levels in turn are one in single precision.
#[test]
fn a_table_that_would_overflow_is_refused() {
    let config = SchedulerConfig {
        num_train_timesteps: 181,
        beta_start: 0.753297883025719,
        beta_end: 0.004942785880843868,
        beta_schedule: BetaSchedule::Linear,
        prediction_type: PredictionType::Epsilon,
        clip_sample: false,
        timestep_spacing: TimestepSpacing::Trailing,
        ..SchedulerConfig::default()
    };
    let error = Table::new(&config, Solver::DpmSolverPlusPlus, 124).unwrap_err().to_string();
    assert!(error.starts_with("steps is 124, but must be another number, or the betas others"), "{error}");
}

proptest! {
    #[test]
    fn a_table_is_finite_or_refused(config in any_config(), solver in 0..4_usize, eta in -0.5..1.5, steps in 0..320_usize) {
        let solvers = [Solver::Ddpm, Solver::Ddim { eta }, Solver::DpmSolverPlusPlus, Solver::SdeDpmSolverPlusPlus];
        let solver = solvers[solver];
        if let Ok(table) = Table::new(&config, solver, steps) {
            prop_assert_eq!(table.timesteps().len(), steps);
            prop_assert!(table.timesteps().iter().all(|t| (0.0..config.num_train_timesteps as f32).contains(t)));
            for row in table.rows() {
                let values = [row.alpha, row.sigma, row.state, row.denoised, row.previous, row.earlier, row.noise, row.excess];
                prop_assert!(values.iter().all(|value| value.is_finite()), "{row:?}");
                prop_assert!(row.alpha > 0.0 && row.sigma > 0.0 && row.variance >= 0.0, "{row:?}");
            }
        }
    }

    #[test]
    fn names_never_panic(name in ".*", config in ".*") {
        let _ = name.parse::<Solver>();
        let _ = name.parse::<Strategy>();
        let _ = format!("ddim:{name}").parse::<Solver>();
        let _ = serde_json::from_str::<SchedulerConfig>(&config);
    }
}
