//! Samples of a denoiser that is no policy: images, say.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, s};
use ndarray_npy::NpzWriter;
use parapolicy_policy::DenoiserNetwork;
use parapolicy_sampler::{BatchedDenoiser, BatchedSampler, BoxError, Budget, Known, Noise, Strategy, Table};
use serde::Serialize;

use crate::args::{SampleArguments, SamplingArguments};
use crate::commands::print_json;
use crate::failure::{Failure, InputError as _};
use crate::input::samples::{LABEL, SamplesInput};
use crate::output::grid::Grid;
use crate::output::staging::write_file;
use crate::progress::SampleProgress;
use crate::stop::Stop;

/// Samples that are drawn in shared batches, at most: so many noises and paths are in memory at once.
const TOGETHER: usize = 64;

/// Numbers of all samples of a file, at most: 1 GiB.
const MOST_NUMBERS: usize = 1 << 28;

/// What the samples took.
#[derive(Serialize)]
struct Drawn {
    count: usize,
    rounds_mean: f64,
    rounds_max: usize,
    evaluations_mean: f64,
    /// Samples that the budget cut short.
    cut_short: usize,
}

/// What was drawn.
struct Samples {
    /// `[count, sample_dim]`.
    values: Array2<f32>,
    rounds: Vec<usize>,
    evaluations: usize,
    /// How far each sample moved in its last round, where it was cut short, else 0.
    residuals: Array1<f64>,
}

/// How a file with samples is written.
enum Format {
    Arrays,
    Picture(Grid),
}

impl Format {
    fn of(path: &Path, network: &DenoiserNetwork) -> Result<Self> {
        let config = &network.manifest().sample;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npz") => Ok(Self::Arrays),
            Some("png") => Grid::new(&config.shape, config.range).map(Self::Picture),
            _ => bail!("the name must end in .npz, for arrays, or in .png, for a grid of images"),
        }
    }
}

/// Draws samples, writes them, and prints what they took.
pub fn sample(arguments: &SampleArguments, strategy: Strategy, mut network: DenoiserNetwork) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let of_output = || format!("--output {}", arguments.output.display());
    let format = Format::of(&arguments.output, &network).with_context(of_output).input()?;
    let count = arguments.count.map(usize::try_from).transpose()?;
    let of_input = || arguments.input.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let input = SamplesInput::load(arguments.input.as_deref(), network.signature(), &arguments.labels, count);
    let input = match arguments.input {
        Some(_) => input.with_context(of_input),
        None => input,
    };
    let input = input.input()?;
    let samples = draw(arguments, strategy, &mut network, &input, &stop)?;
    let bad = samples.values.indexed_iter().find(|(_, value)| !value.is_finite());
    let finite = bad.map_or(Ok(()), |((sample, at), value)| {
        Err(anyhow!("sample {sample} is not finite: number {at} is {value}; nothing is written"))
    });
    finite.input()?;
    write_file(&arguments.output, |file| match &format {
        Format::Arrays => write_arrays(file, &network, &input, &samples),
        Format::Picture(grid) => grid.write(samples.values.view(), file),
    })?;
    let count = samples.values.nrows();
    print_json(&Drawn {
        count,
        rounds_mean: samples.rounds.iter().sum::<usize>() as f64 / count as f64,
        rounds_max: samples.rounds.iter().copied().max().unwrap_or(0),
        evaluations_mean: samples.evaluations as f64 / count as f64,
        cut_short: samples.residuals.iter().filter(|residual| **residual > 0.0).count(),
    })
}

/// Draws all samples, so many at once; sample `i` from the noise of the `i`th seed, where none is given.
fn draw(
    arguments: &SampleArguments,
    strategy: Strategy,
    network: &mut DenoiserNetwork,
    input: &SamplesInput,
    stop: &Stop,
) -> Result<Samples, Failure> {
    let SamplingArguments { solver, steps, .. } = &arguments.sampling;
    let budget: Budget = arguments.budget.budget()?;
    let (count, shape) = (input.conditions.nrows(), network.signature().sample.clone());
    let dim = network.signature().sample_dim();
    let end = arguments.seed.checked_add(count as u64);
    end.with_context(|| format!("--seed: {count} samples from {} on go beyond the largest seed", arguments.seed))
        .input()?;
    if count.saturating_mul(dim) > MOST_NUMBERS {
        let most = MOST_NUMBERS / dim;
        return Err(anyhow!(
            "--count: {count} samples are more than the {most} that can be kept: draw them in several files"
        ))
        .input();
    }
    let table = Table::new(&network.signature().scheduler, *solver, *steps).input()?;
    network.check_timesteps(table.timesteps()).input()?;
    let mut sampler = BatchedSampler::new(table, strategy, dim, count.min(TOGETHER)).input()?;
    let progress = SampleProgress::new(count as u64);
    let mut samples = Samples {
        values: Array2::zeros((count, dim)),
        rounds: Vec::with_capacity(count),
        evaluations: 0,
        residuals: Array1::zeros(count),
    };
    for first in (0..count).step_by(TOGETHER) {
        stop.check("nothing was written")?;
        let rows = first..count.min(first + TOGETHER);
        let noise = |sample: usize| {
            let drawn = Noise::draw(arguments.seed + sample as u64, *steps, dim);
            let of_input = || arguments.input.as_ref().map_or_else(String::new, |path| path.display().to_string());
            input.noise(sample, drawn, &shape).with_context(of_input)
        };
        let noises = rows.clone().map(noise).collect::<Result<Vec<_>>>().input()?;
        let bound = network.bind_batched(input.conditions.slice(s![rows.clone(), ..])).input()?;
        let mut watched = Watched { denoiser: bound, progress: &progress, stop };
        let drawn = sampler.sample_within(budget, &mut watched, &noises);
        stop.check("nothing was written")?;
        let drawn = drawn?;
        for (sample, drawn) in rows.zip(drawn.iter()) {
            samples.values.index_axis_mut(Axis(0), sample).assign(&drawn.sample());
            samples.rounds.push(drawn.statistics().rounds);
            samples.evaluations += drawn.statistics().evaluations;
            samples.residuals[sample] = drawn.residual().unwrap_or(0.0);
            progress.drawn();
        }
    }
    progress.finish();
    Ok(samples)
}

fn write_arrays(
    file: &mut BufWriter<File>,
    network: &DenoiserNetwork,
    input: &SamplesInput,
    samples: &Samples,
) -> Result<()> {
    let mut npz = NpzWriter::new_compressed(file);
    let shape = [&[samples.values.nrows()], &network.signature().sample[..]].concat();
    npz.add_array("sample", &samples.values.to_shape(shape)?)?;
    if network.signature().classes().is_some() {
        npz.add_array(LABEL, &input.conditions.column(0).mapv(|label| label as i64))?;
    }
    if samples.residuals.iter().any(|residual| *residual > 0.0) {
        npz.add_array("residual", &samples.residuals)?;
    }
    npz.finish()?;
    Ok(())
}

/// A denoiser whose batches move the bar, and end where the program is asked to stop.
struct Watched<'a, D> {
    denoiser: D,
    progress: &'a SampleProgress,
    stop: &'a Stop,
}

impl<D: BatchedDenoiser> BatchedDenoiser for Watched<'_, D> {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        if self.stop.is_asked() {
            return Err("asked to stop".into());
        }
        self.progress.evaluated(samples.nrows());
        self.denoiser.predict_batched(plans, samples, timesteps, prediction)
    }

    fn known_of(&self, plan: usize) -> Option<Known<'_>> {
        self.denoiser.known_of(plan)
    }
}
