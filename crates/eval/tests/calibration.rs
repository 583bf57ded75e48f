//! A policy is calibrated, its candidates tried, and one of them chosen. No timing is asserted.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/policies.rs"]
mod policies;

use ndarray::{Array2, array};
use parapolicy_eval::{Calibration, Observations, Roofline, Sampling};
use parapolicy_ort::CPU;
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table};
use serde_json::Value;

const DDIM: Sampling = Sampling { solver: Solver::Ddim { eta: 0.0 }, steps: 12, tolerance: 0.1 };
const DDPM: Sampling = Sampling { solver: Solver::Ddpm, ..DDIM };

fn policy() -> Network {
    let dir = policies::policy_from("affine.onnx");
    let cpu = Inference { provider: CPU, threads: 1, ..Inference::default() };
    Network::load(dir.path(), &cpu.open(&()).unwrap()).unwrap()
}

fn observation() -> Array2<f64> {
    array![[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
}

/// The candidates of a sampling, as they are stored.
fn candidates(calibration: &Calibration, sampling: usize) -> Vec<Value> {
    let stored = serde_json::to_value(calibration).unwrap();
    stored["profiles"][sampling]["candidates"].as_array().unwrap().clone()
}

fn named<'a>(candidates: &'a [Value], strategy: &str) -> Vec<&'a Value> {
    candidates.iter().filter(|candidate| candidate["strategy"] == strategy).collect()
}

#[test]
fn calibrating_trying_and_choosing() {
    let mut policy = policy();
    let mut calibration = Calibration::measure(&mut policy).unwrap();
    let rows: Vec<usize> = calibration.batches().iter().map(|batch| batch.rows).collect();
    assert!(rows.is_sorted() && rows[..8] == [1, 2, 3, 4, 5, 6, 7, 8] && rows.last() == Some(&128));
    assert!(calibration.batches().iter().all(|batch| batch.median_ms > 0.0));
    let key = calibration.key();
    assert_eq!((key.model_sha256.len(), key.provider.as_str(), key.threads), (64, "cpu", 1));

    let Roofline::Unknown(why) = calibration.roofline() else { panic!("the engine does not read this graph") };
    assert!(why.contains("affine.onnx") || why.contains("denoiser.onnx"), "{why}");

    assert_eq!(calibration.profiled(&DDIM), None);
    let unknown = calibration.choose(&DDIM).unwrap_err().to_string();
    assert_eq!(unknown, "profiles is 0, but must be at least 1 that kept the tolerance");

    calibration.profile(&mut policy, &DDIM, &[]).unwrap();
    calibration.profile(&mut policy, &DDPM, &[observation()]).unwrap();
    assert_eq!(calibration.profiled(&DDIM), Some(Observations::Drawn));
    assert_eq!(calibration.profiled(&DDPM), Some(Observations::Met));
    assert_eq!(calibration.profiled(&Sampling { steps: 11, ..DDIM }), None);

    let [ddim, ddpm] = [0, 1].map(|sampling| candidates(&calibration, sampling));
    assert_eq!(named(&ddim, "sequential")[0]["plans"], serde_json::json!([[1; 12]; 6].map(|plan| plan.to_vec())));
    for sampled in [&ddim, &ddpm] {
        assert!(named(sampled, "speculative").is_empty(), "its plans are others");
        assert!(!named(sampled, "anderson").is_empty());
    }

    for sampling in [DDIM, DDPM] {
        let choice = calibration.choose(&sampling).unwrap();
        let table = Table::new(&policy.manifest().scheduler, sampling.solver, sampling.steps).unwrap();
        let mut sampler = Sampler::new(table, choice.best.strategy, policy.manifest().sample_dim()).unwrap();
        let noise = Noise::draw(0, sampling.steps, sampler.dim());
        sampler.sample(&mut policy.bind(observation().view()).unwrap(), &noise).unwrap();
    }

    calibration.profile(&mut policy, &DDIM, &[observation()]).unwrap();
    assert_eq!(calibration.profiled(&DDIM), Some(Observations::Met), "what was known is replaced");
    assert_eq!(serde_json::to_value(&calibration).unwrap()["profiles"].as_array().unwrap().len(), 2);
}

/// The rows that were counted are those that the sampler says it evaluated.
#[test]
fn profiles_are_the_rounds_of_the_sampler() {
    let mut policy = policy();
    let mut calibration = Calibration::measure(&mut policy).unwrap();
    calibration.profile(&mut policy, &DDPM, &[observation()]).unwrap();
    for candidate in candidates(&calibration, 0) {
        let strategy: Strategy = candidate["strategy"].as_str().unwrap().parse().unwrap();
        let window = candidate["window"].as_u64().unwrap_or(1) as usize;
        let config = parapolicy_sampler::WindowConfig { window, tolerance: DDPM.tolerance };
        let table = Table::new(&policy.manifest().scheduler, DDPM.solver, DDPM.steps).unwrap();
        let mut sampler = Sampler::new(table, strategy.with_window(config), policy.manifest().sample_dim()).unwrap();
        for (seed, rounds) in candidate["plans"].as_array().unwrap().iter().enumerate() {
            let noise = Noise::draw(seed as u64, DDPM.steps, sampler.dim());
            let sample = sampler.sample(&mut policy.bind(observation().view()).unwrap(), &noise).unwrap();
            assert_eq!(serde_json::to_value(&sample.statistics().windows).unwrap(), *rounds, "{strategy} {window}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut policy = policy();
    let mut calibration = Calibration::measure(&mut policy).unwrap();
    let mut text = |sampling, observations: &[Array2<f64>]| {
        calibration.profile(&mut policy, &sampling, observations).unwrap_err().to_string()
    };
    for tolerance in [f64::NAN, -0.1, f64::INFINITY] {
        let expected = format!("tolerance is {tolerance}, but must be finite and not negative");
        assert_eq!(text(Sampling { tolerance, ..DDPM }, &[]), expected);
        assert_eq!(text(Sampling { tolerance, steps: 1, ..DDPM }, &[]), expected);
    }
    assert!(text(Sampling { steps: 0, ..DDPM }, &[]).starts_with("steps is 0, but must be "));
    assert!(text(DDPM, &[Array2::zeros((2, 5))]).contains("observation: shape is [2, 5]"));
    assert!(text(DDPM, &[observation() * f64::NAN]).contains("NaN"));
    assert_eq!(calibration.profiled(&DDPM), None, "nothing is kept of what failed");
}
