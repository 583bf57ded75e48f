//! The sampler of the crate `mixturs` on points from a file: `beside-mixturs POINTS.npy LABELS.npy ITERATIONS THREADS`.
//!
//! It begins with one cluster, as `modes` does, without its component for outliers, and otherwise as the crate has it. Printed are processor
//! seconds of all iterations, and how many clusters there are; `LABELS.npy` gets the most probable cluster of every point.

use std::error::Error;

use mixturs::{FitOptions, Model, ModelOptions, MonitoringCallback, NIW, state::GlobalState};
use nalgebra::DMatrix;
use ndarray::{Array1, Array2};
use ndarray_npy::{read_npy, write_npy};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [points, labels, iterations, threads] = &arguments[..] else {
        return Err("POINTS.npy LABELS.npy ITERATIONS THREADS".into());
    };
    let points: Array2<f64> = read_npy(points)?;
    let (count, dim) = points.dim();
    let data = DMatrix::from_fn(dim, count, |axis, point| points[[point, axis]]);
    let options = ModelOptions::<NIW> { outlier: None, ..ModelOptions::default(dim) };
    let mut model = Model::from_options(options);
    let fit = FitOptions { iters: iterations.parse()?, workers: threads.parse()?, ..FitOptions::default() };
    let before = processor_seconds();
    model.fit(data.clone(), &fit, None::<MonitoringCallback<GlobalState<NIW>>>);
    println!("{:.2} {}", processor_seconds() - before, model.n_clusters());
    let (_, found) = model.predict(data);
    write_npy(labels, &Array1::from_iter(found.iter().map(|label| *label as i64)))?;
    Ok(())
}

/// User and system time of this process, where `/proc` has it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
