//! Lets candidates draw plans in turn.

use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, s};
use parapolicy_control::BoxError;
use parapolicy_control::tuned::{Load, Measured};
use parapolicy_eval::tuning::{Drawn, STEADY, Turn, distance, ratio, row_ms, take_turns};
use parapolicy_policy::Network;
use parapolicy_sampler::Noise;

use super::candidates::Candidate;
use crate::failure::Failure;
use crate::progress::PlanProgress;
use crate::say::tell;
use crate::stop::Stop;

/// What the candidates came to, and whether to believe it.
pub struct Trial {
    /// For each candidate; why, where it cannot draw.
    pub measured: Vec<Result<Measured, String>>,
    pub load: Load,
}

/// What is drawn.
pub struct Plans<'a> {
    pub observations: &'a [Array2<f64>],
    /// For each observation.
    pub count: usize,
    /// Of the noise.
    pub seed: u64,
}

/// Measures all; once again where the machine turns out to be busy.
pub fn measure(candidates: &mut [Candidate], networks: &mut [Network], plans: &Plans<'_>) -> Result<Trial, Failure> {
    let trial = measure_once(candidates, networks, plans)?;
    if !trial.load.busy {
        return Ok(trial);
    }
    tell!("tune: the machine was busy, times changed by more than 30 %; measuring once again");
    measure_once(candidates, networks, plans)
}

fn measure_once(candidates: &mut [Candidate], networks: &mut [Network], plans: &Plans<'_>) -> Result<Trial, Failure> {
    let before = row_ms(&mut networks[0])?;
    // The first number is the reference that others are compared with; the candidates follow, the reference among them.
    let mut failed: Vec<Option<String>> = vec![None; candidates.len()];
    warm_up(candidates, networks, plans, &mut failed)?;
    let (count, stop) = (plans.observations.len(), Stop::current());
    let progress = PlanProgress::new(((candidates.len() + 1) * count * plans.count) as u64);
    let drawn = take_turns(candidates.len() + 1, count, plans.count, |turn| {
        stop.check("before all plans were drawn; nothing was measured")?;
        let index = turn.candidate.saturating_sub(1);
        progress.drawn();
        if failed[index].is_some() {
            return Ok(None);
        }
        let Candidate { sampler, network, .. } = &mut candidates[index];
        let noise = Noise::draw(plans.noise(turn), sampler.table().steps(), sampler.dim());
        match draw(&mut networks[*network], sampler, &plans.observations[turn.observation], &noise) {
            Ok(drawn) => Ok(Some(drawn)),
            Err(error) if index == 0 => Err(Failure::Other(anyhow::Error::from_boxed(error))),
            Err(error) => {
                failed[index] = Some(error.to_string());
                Ok(None)
            }
        }
    })?;
    progress.finish();
    let row_ms = [before, row_ms(&mut networks[0])?];
    let (reference, drawn) = drawn.split_first().ok_or_else(|| anyhow::anyhow!("there are no candidates"))?;
    let figures = candidates.iter().zip(drawn).zip(failed).map(|((candidate, drawn), failed)| match failed {
        Some(why) => Err(why),
        None => Ok(figures(candidate, drawn, reference)),
    });
    let measured: Vec<Result<Measured, String>> = figures.collect();
    let unsteady = measured.iter().flatten().filter(|measured| measured.is_unsteady()).count();
    let busy = ratio(row_ms[0], row_ms[1]) > STEADY || 2 * unsteady > measured.len();
    Ok(Trial { measured, load: Load { row_ms, busy } })
}

/// One plan by each, so that memory is mapped and caches are warm.
fn warm_up(
    candidates: &mut [Candidate],
    networks: &mut [Network],
    plans: &Plans<'_>,
    failed: &mut [Option<String>],
) -> Result<(), Failure> {
    for (index, Candidate { sampler, network, .. }) in candidates.iter_mut().enumerate() {
        let noise = Noise::draw(plans.seed, sampler.table().steps(), sampler.dim());
        match draw(&mut networks[*network], sampler, &plans.observations[0], &noise) {
            Err(error) if index == 0 => return Err(anyhow::Error::from_boxed(error).into()),
            drawn => failed[index] = drawn.err().map(|error| error.to_string()),
        }
    }
    Ok(())
}

impl Plans<'_> {
    /// Every plan has noise of its own: nothing is paired.
    fn noise(&self, Turn { candidate, observation, plan }: Turn) -> u64 {
        let number = (candidate * self.count + plan) * self.observations.len() + observation;
        self.seed.wrapping_add(1 + number as u64)
    }
}

/// A plan, from the observation to all of its values, and its actions, normalised.
fn draw(
    network: &mut Network,
    sampler: &mut parapolicy_sampler::Sampler,
    observation: &Array2<f64>,
    noise: &Noise,
) -> Result<(Duration, Array1<f32>), BoxError> {
    let (horizon, plan_dim) = (network.manifest().horizon, network.manifest().plan_dim());
    let action_dim = network.manifest().action_dim();
    let started = Instant::now();
    let mut bound = network.bind(observation.view())?;
    let sample = sampler.sample(&mut bound, noise)?;
    let took = started.elapsed();
    // What is seen may be a part of the plan; it is given, not drawn.
    let plan = sample.sample().to_shape((horizon, plan_dim))?.slice(s![.., ..action_dim]).iter().copied().collect();
    Ok((took, plan))
}

fn figures(candidate: &Candidate, drawn: &Drawn, reference: &Drawn) -> Measured {
    Measured {
        setting: candidate.setting.clone(),
        latency_ms: drawn.latency(),
        drift: drawn.drift(),
        distance: distance(&drawn.plans, &reference.plans),
        reward: None,
        dropped: None,
    }
}
