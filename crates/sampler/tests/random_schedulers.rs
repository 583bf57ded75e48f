//! Random configurations of `diffusers`' schedulers: the sample is `diffusers`', or the configuration is refused by a field's
//! name; and every strategy iterates to the sequential sample (`reference/random_schedulers.py`). `RANDOM_SCHEDULERS=FILE`
//! compares others.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, s};
use parapolicy_sampler::{
    BoxError, Denoiser, Noise, Sampler, SchedulerConfig, Solver, Strategies, Strategy, Table, WindowConfig,
};
use serde_json::Value;

const DIM: usize = 6;
const TOLERANCE: f64 = 1e-4;

/// The closed form that stands for a network.
struct Network {
    trained: f64,
}

impl Denoiser for Network {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for ((x, mut out), timestep) in samples.rows().into_iter().zip(prediction.rows_mut()).zip(timesteps) {
            let time = f64::from(*timestep) / self.trained;
            for i in 0..DIM {
                let (own, next) = (f64::from(x[i]), f64::from(x[(i + 1) % DIM]));
                out[i] = (0.8 * (0.7 * own + (3.0 * time + i as f64).sin()).tanh() + 0.3 * next - 0.2 * time) as f32;
            }
        }
        Ok(())
    }
}

fn reference() -> (Value, Array2<f32>) {
    let others = std::env::var_os("RANDOM_SCHEDULERS").map(PathBuf::from);
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/random_schedulers.json");
    let path = others.unwrap_or_else(ours);
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let noise: Vec<f32> =
        file["noise"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect();
    (file, Array2::from_shape_vec((102, DIM), noise).unwrap())
}

/// The table, or the name of the field for which there is none.
fn table(case: &Value) -> Result<Table, String> {
    let config: SchedulerConfig = serde_json::from_value(case["config"].clone()).map_err(|error| error.to_string())?;
    let solver: Solver = case["solver"].as_str().unwrap().parse().unwrap();
    let steps = case["steps"].as_u64().unwrap() as usize;
    Table::new(&config, solver, steps).map_err(|error| error.to_string())
}

fn draw(table: &Table, case: &Value, strategy: Strategy, noise: &Array2<f32>) -> Option<Array1<f32>> {
    let steps = noise.slice(s![1..=table.steps(), ..]).to_owned();
    let noise = Noise::from_parts(noise.row(0).to_owned(), steps).unwrap();
    let mut network = Network { trained: case["config"]["num_train_timesteps"].as_f64().unwrap() };
    let mut sampler = Sampler::new(table.clone(), strategy, DIM).ok()?;
    Some(sampler.sample(&mut network, &noise).unwrap().sample().to_owned())
}

#[test]
fn a_sample_is_that_of_diffusers_or_refused_by_name() {
    let (file, noise) = reference();
    let (mut right, mut refused, mut wrong, mut alone) = (0, BTreeMap::<String, usize>::new(), Vec::new(), 0);
    for case in file["cases"].as_array().unwrap() {
        let table = match table(case) {
            Ok(table) => table,
            Err(error) => {
                let field = error.split([' ', ':']).next().unwrap().to_owned();
                let known = case["config"].get(&field).is_some() || ["steps", "solver"].contains(&field.as_str());
                assert!(known, "{error}: {case}");
                *refused.entry(field).or_default() += 1;
                continue;
            }
        };
        let found = draw(&table, case, Strategy::sequential(), &noise).unwrap();
        let Some(expected) = case["sample"].as_array() else {
            // 1 − ᾱ' − σ², which is 0 there, may be rounded to below it; `diffusers` takes the root all the same.
            if case["config"]["rescale_betas_zero_snr"] == true && case["solver"] == "ddim:1" {
                assert!(found.iter().all(|value| value.is_finite()), "{case}");
                alone += 1;
                continue;
            }
            wrong.push(format!("diffusers has none: {case}"));
            continue;
        };
        let expected: Vec<f64> = expected.iter().map(|value| value.as_f64().unwrap()).collect();
        let scale = expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
        let off = found.iter().zip(&expected).fold(0.0_f64, |most, (a, b)| most.max((f64::from(*a) - b).abs()));
        if off <= TOLERANCE * scale { right += 1 } else { wrong.push(format!("{off:e} off: {case}")) }
    }
    assert!(wrong.is_empty(), "{} wrong, {right} right:\n{}", wrong.len(), wrong.join("\n"));
    println!("{right} right, {alone} where diffusers has none, refused {refused:?}");
    assert!(right >= 150, "{right} right, refused {refused:?}");
}

/// At tolerance 0, where a strategy is defined for the solver.
#[test]
fn every_strategy_iterates_to_the_sequential_sample() {
    let (file, noise) = reference();
    let mut compared = 0;
    for case in file["cases"].as_array().unwrap().iter().step_by(2) {
        let Ok(table) = table(case) else { continue };
        let expected = draw(&table, case, Strategy::sequential(), &noise).unwrap();
        let strategies = Strategies::default();
        for strategy in strategies.iter().filter(|strategy| strategy.follows_sequential(table.solver())) {
            let strategy = strategy.with_window(WindowConfig { window: 7, tolerance: 0.0 });
            let Some(found) = draw(&table, case, strategy, &noise) else { continue };
            assert_eq!(found, expected, "{strategy}: {case}");
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared}");
}
