//! What samples of a denoiser that is no policy are drawn for, and from which noise.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn};
use parapolicy_npz::Npz;
use parapolicy_policy::Signature;
use parapolicy_sampler::Noise;

/// The array of labels, in files that are read and written.
pub const LABEL: &str = "label";

/// Conditions of samples, and the noise that is given for them.
#[derive(Debug)]
pub struct SamplesInput {
    /// `[count, condition_dim]`.
    pub conditions: Array2<f64>,
    /// `[count, …]`.
    initial_noise: Option<ArrayD<f64>>,
    /// `[count, steps, …]`.
    step_noise: Option<ArrayD<f64>>,
}

impl SamplesInput {
    /// Reads `label [count]` or `condition [count, …]`, whichever the denoiser asks for, `initial_noise [count, …]` and
    /// `step_noise [count, steps, …]` from an `.npz`. Labels that it does not give are `labels` in turn; `count` is how many
    /// samples are asked for, where the file does not say it.
    pub fn load(path: Option<&Path>, signature: &Signature, labels: &[u64], count: Option<usize>) -> Result<Self> {
        let mut found: Vec<(&str, ArrayD<f64>)> = Vec::new();
        let known = [LABEL, "condition", "initial_noise", "step_noise"];
        if let Some(path) = path {
            let mut npz = Npz::open(path)?;
            for name in known {
                if npz.contains(name) {
                    found.push((name, npz.numbers::<IxDyn>(name)?));
                }
            }
            ensure!(
                !found.is_empty(),
                "there is none of the arrays {}",
                known.map(|name| format!("`{name}`")).join(", ")
            );
        }
        let count = agreed(&found, count)?;
        let mut take = |name: &str| {
            let index = found.iter().position(|(found, _)| *found == name)?;
            Some(found.swap_remove(index).1)
        };
        let given = [LABEL, "condition"].map(&mut take);
        let conditions = conditions(given, signature, labels, count)?;
        Ok(Self { conditions, initial_noise: take("initial_noise"), step_noise: take("step_noise") })
    }

    /// The conditions alone, where noise comes from seeds.
    pub fn without_noise(self) -> Result<Array2<f64>> {
        let given = [("initial_noise", self.initial_noise.is_some()), ("step_noise", self.step_noise.is_some())];
        if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
            bail!("`{name}` is given, but the noise is drawn from --seed: leave it out");
        }
        Ok(self.conditions)
    }

    /// The noise that is given for a sample, the rest taken from `drawn`.
    pub fn noise(&self, sample: usize, drawn: Noise, shape: &[usize]) -> Result<Noise> {
        if self.initial_noise.is_none() && self.step_noise.is_none() {
            return Ok(drawn);
        }
        let (steps, dim) = drawn.steps().dim();
        let mut initial = drawn.initial().to_owned();
        if let Some(given) = of_sample("initial_noise", self.initial_noise.as_ref(), sample, shape)? {
            initial = given;
        }
        let mut every_step = drawn.steps().to_owned();
        let expected = [&[steps], shape].concat();
        if let Some(given) = of_sample("step_noise", self.step_noise.as_ref(), sample, &expected)? {
            every_step = given.into_shape_with_order((steps, dim))?;
        }
        Ok(Noise::from_parts(initial, every_step)?)
    }
}

/// The rows of one sample, flat.
fn of_sample(
    name: &str,
    given: Option<&ArrayD<f64>>,
    sample: usize,
    expected: &[usize],
) -> Result<Option<Array1<f32>>> {
    let Some(given) = given else { return Ok(None) };
    let rows = given.index_axis(Axis(0), sample);
    ensure!(
        rows.shape() == expected,
        "`{name}` has shape {:?} for a sample, but the denoiser and --steps ask for {expected:?}",
        rows.shape()
    );
    Ok(Some(rows.iter().map(|&value| value as f32).collect()))
}

/// How many samples the arrays and the command line ask for.
fn agreed(found: &[(&str, ArrayD<f64>)], count: Option<usize>) -> Result<usize> {
    let mut agreed = count.map(|count| ("--count".to_owned(), count));
    for (name, array) in found {
        let rows =
            array.shape().first().copied().with_context(|| format!("`{name}` is a single number, not an array"))?;
        match &agreed {
            Some((other, count)) if *count != rows => {
                bail!("`{name}` is of {rows} samples, but {other} of {count}")
            }
            _ => agreed = Some((format!("`{name}`"), rows)),
        }
    }
    let count = agreed.map_or(1, |(_, count)| count);
    ensure!(count > 0, "there are no samples to draw");
    Ok(count)
}

fn conditions(
    given: [Option<ArrayD<f64>>; 2],
    signature: &Signature,
    labels: &[u64],
    count: usize,
) -> Result<Array2<f64>> {
    let [given_labels, given_numbers] = given;
    let (classes, dim) = (signature.classes(), signature.condition_dim());
    ensure!(
        classes.is_some() || (labels.is_empty() && given_labels.is_none()),
        "labels are given, but the denoiser takes none"
    );
    ensure!(dim > 0 || given_numbers.is_none(), "`condition` is given, but the denoiser takes none");
    match (classes, given_labels, given_numbers) {
        (Some(_), _, Some(_)) => bail!("`condition` is given, but the denoiser takes labels: give them as `{LABEL}`"),
        (Some(_), Some(_), None) if !labels.is_empty() => bail!("`{LABEL}` and --label are given: leave one out"),
        (Some(_), Some(given), None) => {
            ensure!(given.ndim() == 1, "`{LABEL}` has shape {:?}, but must be [count]", given.shape());
            Ok(given.into_shape_with_order((count, 1))?)
        }
        (Some(classes), None, None) => Ok(Array2::from_shape_fn((count, 1), |(sample, _)| match labels {
            [] => (sample % classes) as f64,
            labels => labels[sample % labels.len()] as f64,
        })),
        (None, _, Some(given)) => {
            let sizes = signature.condition.as_ref().map_or(&[][..], |condition| &condition.sizes);
            let expected = [&[count], sizes].concat();
            ensure!(given.shape() == expected, "`condition` has shape {:?}, but must be {expected:?}", given.shape());
            Ok(given.as_standard_layout().to_owned().into_shape_with_order((count, dim))?)
        }
        (None, _, None) if dim > 0 => {
            bail!("the denoiser asks for numbers as a condition: give `condition` in --input")
        }
        (None, _, None) => Ok(Array2::zeros((count, 0))),
    }
}
