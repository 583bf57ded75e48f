//! Whether the rows of a batch are independent of each other, tried out when a graph is opened.
//!
//! Parallel samplers evaluate many steps of a plan in one batch, each with its own timestep; plans of several environments
//! share batches too. A graph that takes the first row's timestep for all of them, or normalises over the batch, answers
//! something else there than it answers a row alone. So two rows that differ in everything are run in one batch, and each
//! beside a copy of itself: the batches have one shape, so that a row's prediction must be the same to rounding.

use std::path::Path;

use ndarray::Array2;

use crate::{Batch, GraphError, OpenDenoiser, Precision, PredictError, Signature};

/// A row of a batch, with an observation of its own.
#[derive(Clone, Debug)]
struct Row {
    sample: Vec<f32>,
    timestep: f32,
    observation: Vec<f32>,
}

/// Where the observations of the two rows begin, and how wide they spread: most are normalised to -1..1, ids are small whole
/// numbers, and logarithms ask for positive ones.
const OBSERVATIONS: [[(f32, f32); 2]; 3] =
    [[(-1.0, 2.0), (1.0, 1.0)], [(0.05, 0.4), (0.5, 0.45)], [(0.0, 0.0), (0.0, 0.0)]];

/// Checks that what the graph says of a row depends on nothing else in the batch.
///
/// # Errors
/// The inputs whose rows mix; or why two rows cannot be run.
pub(super) fn check(
    path: &Path,
    graph: &mut dyn OpenDenoiser,
    signature: &Signature,
    precision: Precision,
) -> Result<(), GraphError> {
    let mut probe = Probe { graph, dim: signature.sample_dim(), rounding: rounding(precision) };
    let cannot = |source| GraphError::Batch { path: path.to_path_buf(), source };
    let mut failed = None;
    for observations in OBSERVATIONS {
        let [a, b] = [0, 1].map(|index| row(signature, index, observations[index]));
        match probe.run(&[&a, &b]) {
            // Where a graph has no finite numbers, nothing can be compared: other observations may do.
            Ok(together) if together.iter().all(|number| number.is_finite()) => {
                return match probe.mixing(&a, &b, &together).map_err(cannot)? {
                    None => Ok(()),
                    Some(inputs) => Err(GraphError::RowsMix { path: path.to_path_buf(), inputs }),
                };
            }
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(()), |error| Err(cannot(error)))
}

/// Relative deviations allowed between batches of one shape, and between batches of different shapes.
fn rounding(precision: Precision) -> [f32; 2] {
    match precision {
        Precision::F32 => [1e-5, 1e-3],
        _ => [1e-3, 5e-2],
    }
}

fn row(signature: &Signature, index: usize, (start, width): (f32, f32)) -> Row {
    // Multiples of the golden ratio, modulo 1, are spread evenly.
    let spread = |at: usize| ((at + 1000 * index) as f64 * 0.618_033_988_749_895).fract() as f32;
    let last = signature.scheduler.num_train_timesteps.saturating_sub(1);
    let seen = |at: usize| match signature.classes() {
        // The first and the last.
        Some(classes) => (index * (classes - 1)) as f32,
        None => start + width * spread(at),
    };
    Row {
        sample: (0..signature.sample_dim()).map(|at| 2.0 * spread(at) - 1.0).collect(),
        timestep: (if index == 0 { last - last / 4 } else { last / 4 }) as f32,
        observation: (0..signature.condition_dim()).map(seen).collect(),
    }
}

/// A graph that is tried out.
struct Probe<'g> {
    graph: &'g mut dyn OpenDenoiser,
    dim: usize,
    rounding: [f32; 2],
}

impl Probe<'_> {
    /// Predictions `[rows, sample_dim]` for a batch.
    fn run(&mut self, rows: &[&Row]) -> Result<Vec<f32>, PredictError> {
        let all = |of: fn(&Row) -> &[f32]| rows.iter().flat_map(|row| of(row)).copied().collect::<Vec<_>>();
        let (samples, observations) = (all(|row| &row.sample), all(|row| &row.observation));
        let timesteps: Vec<_> = rows.iter().map(|row| row.timestep).collect();
        let plans: Vec<_> = (0..rows.len()).collect();
        if !observations.is_empty() {
            let bound = self.graph.bind(&observations);
            bound.map_err(|source| PredictError::Backend { backend: "the backend", source })?;
        }
        let batch = Batch { plans: &plans, observations: &observations, samples: &samples, timesteps: &timesteps };
        let mut prediction = Array2::zeros((rows.len(), self.dim));
        self.graph.run(batch, prediction.view_mut())?;
        Ok(prediction.into_raw_vec_and_offset().0)
    }

    /// The inputs whose rows mix, in words, if any do. `together` is what is predicted for both rows in one batch.
    fn mixing(&mut self, a: &Row, b: &Row, together: &[f32]) -> Result<Option<String>, PredictError> {
        let twice = self.run(&[a, a])?;
        let alone = self.run(&[a])?;
        if self.differ(b, together, &twice)? {
            let mut found = Vec::new();
            for (name, changed) in [
                ("samples", Row { sample: b.sample.clone(), ..a.clone() }),
                ("timesteps", Row { timestep: b.timestep, ..a.clone() }),
                ("observations", Row { observation: b.observation.clone(), ..a.clone() }),
            ] {
                let together = self.run(&[a, &changed])?;
                if self.differ(&changed, &together, &twice)? {
                    found.push(name);
                }
            }
            let all = "samples, timesteps and observations together".to_owned();
            return Ok(Some(if found.is_empty() { all } else { found.join(" and ") }));
        }
        Ok(deviates(&alone, &twice[..self.dim], self.rounding[1]).then(|| "number".into()))
    }

    /// Whether `together`, the predictions for two rows in one batch, are others than those beside copies of themselves.
    /// `twice` is what is predicted for the first row and its copy.
    fn differ(&mut self, b: &Row, together: &[f32], twice: &[f32]) -> Result<bool, PredictError> {
        let (dim, most) = (self.dim, self.rounding[0]);
        let other = self.run(&[b, b])?;
        Ok(deviates(&together[..dim], &twice[..dim], most) || deviates(&together[dim..], &other[dim..], most))
    }
}

/// Whether predictions differ by more than `most` of the largest number.
fn deviates(found: &[f32], expected: &[f32], most: f32) -> bool {
    let largest = expected.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    let is_close = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || (a - b).abs() <= most * largest;
    let differs = |(a, b)| !is_close(a, b);
    found.iter().zip(expected).any(differs)
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayViewMut2;
    use parapolicy_sampler::BoxError;

    use super::*;
    use crate::Manifest;

    /// Adds a function of the whole batch to each row's own sum.
    #[derive(Debug)]
    struct Fake(fn(&Batch<'_>) -> f32);

    impl OpenDenoiser for Fake {
        fn bind(&mut self, _: &[f32]) -> Result<(), BoxError> {
            Ok(())
        }

        fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
            let seen = batch.observations.len() / batch.plans.len();
            for (row, mut prediction) in prediction.outer_iter_mut().enumerate() {
                let observation: f32 = batch.observations[batch.plans[row] * seen..][..seen].iter().sum();
                let samples = &batch.samples[row * prediction.len()..];
                for (number, sample) in prediction.iter_mut().zip(samples) {
                    *number = sample + batch.timesteps[row] + observation + self.0(&batch);
                }
            }
            Ok(())
        }
    }

    fn said(of: fn(&Batch<'_>) -> f32) -> Result<(), String> {
        let manifest = Manifest::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht").as_ref()).unwrap();
        check(Path::new("g.onnx"), &mut Fake(of), &manifest.signature(), Precision::F32)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rows_that_mix_are_named() {
        assert_eq!(said(|_| 0.0), Ok(()));
        for (of, named) in [
            ((|batch| batch.timesteps[0]) as fn(&Batch<'_>) -> f32, "the timesteps of other rows"),
            (|batch| batch.observations.iter().sum::<f32>() / batch.plans.len() as f32, "the observations of other"),
            (|batch| batch.samples.iter().copied().fold(0.0, f32::max) * 1e3, "the samples of other rows"),
            (|batch| 1e3 * batch.plans.len() as f32, "the number of other rows"),
        ] {
            let said = said(of).unwrap_err();
            assert!(said.contains(named), "{said}");
        }
    }
}
