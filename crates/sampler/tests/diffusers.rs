//! Every step of `sequential` against `diffusers`' schedulers, and `torchdiffeq`'s midpoint method, on a closed-form
//! denoiser (`reference/generate.py`).

#[path = "support/mixture.rs"]
mod support;

use std::fs::File;
use std::path::Path;

use ndarray::{Array1, Array2, s};
use ndarray_npy::NpzReader;
use parapolicy_sampler::{Noise, Sampler, SchedulerConfig, Solver, Strategy, Table};
use serde_json::Value;
use support::{DIM, Mixture};

const TOLERANCE: f64 = 1e-5;

#[test]
fn every_step_is_that_of_diffusers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let cases: Value = serde_json::from_reader(File::open(folder.join("cases.json")).unwrap()).unwrap();
    let mut arrays = NpzReader::new(File::open(folder.join("trajectories.npz")).unwrap()).unwrap();
    let means: Array2<f64> = arrays.by_name("means").unwrap();
    let weights: Array1<f64> = arrays.by_name("weights").unwrap();
    let std: Array1<f64> = arrays.by_name("std").unwrap();
    let noise: Array2<f64> = arrays.by_name("noise").unwrap();
    let noise = noise.mapv(|value| value as f32);

    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 80);
    let mut parted = Vec::new();
    for case in cases {
        let config: SchedulerConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let solver: Solver = case["solver"].as_str().unwrap().parse().unwrap();
        let steps = case["steps"].as_u64().unwrap() as usize;
        let expected: Array2<f64> = arrays.by_name(case["name"].as_str().unwrap()).unwrap();

        let table = Table::new(&config, solver, steps).unwrap();
        let mut denoiser = Mixture::new(&table, means.clone(), weights.clone(), std[0]);
        let noise = Noise::from_parts(noise.row(0).to_owned(), noise.slice(s![1..=steps, ..]).to_owned()).unwrap();
        let mut sampler = Sampler::new(table, Strategy::sequential(), DIM).unwrap();
        let trajectory = sampler.sample(&mut denoiser, &noise).unwrap().trajectory().mapv(f64::from);

        // The trials of the midpoint method are not among the reference's states.
        let stride = if solver == Solver::Midpoint { 2 } else { 1 };
        let trajectory = trajectory.slice(s![..;stride, ..]);
        assert_eq!(trajectory.dim(), expected.dim());
        let close =
            |step: usize| trajectory.row(step).iter().zip(expected.row(step)).all(|(a, b)| (a - b).abs() <= TOLERANCE);
        if let Some(step) = (0..expected.nrows()).find(|step| !close(*step)) {
            parted.push(format!("at step {step}: {case}"));
        }
    }
    assert!(parted.is_empty(), "{} of {} cases:\n{}", parted.len(), cases.len(), parted.join("\n"));
}
