//! Deviation of plans from `sequential`, against the rounds spent on them.

use std::path::Path;

use anyhow::Error;
use indicatif::ProgressIterator as _;
use ndarray::Array2;
use parapolicy_eval::largest_difference;
use parapolicy_sampler::{Budget, Noise, Sampler, Strategy};

use super::bench::Deviation;
use crate::args::BenchArguments;
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::model::Model;
use crate::output::plot::anytime::{self, Curve};
use crate::output::staging::write_file;
use crate::stop::Stop;

/// Round budgets that are tried, as far as they cut a plan short.
const ROUNDS: [usize; 17] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 45, 65, 85, 99];

/// Draws a curve for each of the samplers `names`, with the first solver and number of steps.
pub fn plot(
    arguments: &BenchArguments,
    policy: &mut Model,
    names: &[SamplerName],
    observations: &[Array2<f64>],
    file: &Path,
) -> Result<(), Failure> {
    let (Some(&solver), Some(&steps)) = (arguments.solvers.first(), arguments.steps.first()) else { return Ok(()) };
    let mut curves = Vec::new();
    for &name in names {
        let settled = policy.settle(&arguments.window, name, solver, steps, observations)?;
        // Samplers that are exact only in distribution end at other plans.
        if settled.strategy.name() == "speculative" {
            continue;
        }
        let mut sampler = settled.sampler(policy.signature(), solver, steps).input()?;
        let points = points(arguments.seed, policy, &mut sampler, observations)?;
        curves.push(Curve { name: settled.name, points });
    }
    Ok(write_file(file, |file| anytime::draw(&curves, file))?)
}

/// Deviation after each number of rounds that cuts a plan short.
fn points(
    seed: u64,
    policy: &mut Model,
    sampler: &mut Sampler,
    observations: &[Array2<f64>],
) -> Result<Vec<(usize, Deviation)>, Failure> {
    let mut deviations = ROUNDS.map(|_| Vec::new());
    let mut reference = Sampler::new(sampler.table().clone(), Strategy::sequential(), sampler.dim())?;
    for (index, observation) in observations.iter().enumerate().progress() {
        Stop::current().check("the plot was not written")?;
        let noise = Noise::draw(seed + index as u64, sampler.table().steps(), sampler.dim());
        let mut denoiser = policy.bind(observation).map_err(Error::from)?;
        let whole = reference.sample(&mut denoiser, &noise)?.sample().to_owned();
        for (rounds, deviations) in ROUNDS.into_iter().zip(&mut deviations) {
            let budget = Budget { rounds: Some(rounds), ..Budget::default() };
            let sample = sampler.sample_within(budget, &mut denoiser, &noise)?;
            deviations.push(largest_difference(sample.sample(), whole.view()) as f32);
            if sample.residual().is_none() {
                break;
            }
        }
    }
    // The curve ends where most plans are no longer ended early.
    let most = |deviations: &Vec<f32>| 2 * deviations.len() > observations.len();
    let points = ROUNDS.into_iter().zip(deviations).take_while(|(_, deviations)| most(deviations));
    Ok(points.map(|(rounds, deviations)| (rounds, Deviation::of(deviations))).collect())
}
