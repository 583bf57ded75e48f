//! Diffusion policies in a control loop: a network, a sampler, and the observations so far.

mod batched;
mod carry;
mod correction;
mod memory;

use std::borrow::BorrowMut;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use parapolicy_policy::{Committed, Network, Origin};
use parapolicy_sampler::{Budget, Sampler};

pub use self::batched::BatchedDiffusionPolicy;
use self::carry::Carry;
use self::correction::{Correction, Drawn};
use self::memory::Memory;
pub use self::memory::noise_seed;
use crate::check::Asked;
use crate::refine::{Refined, Refinement, RefinementCost, Tracker};
use crate::{BoxError, Plan, Policy};

/// A diffusion policy in a control loop: a network, a sampler, and the observations so far.
///
/// It owns network and sampler, or borrows them, so that several samplers can be compared on one loaded network.
pub struct DiffusionPolicy<'a, N = &'a mut Network, S = &'a mut Sampler> {
    network: N,
    sampler: S,
    budget: Budget,
    /// When the next plan has to be there.
    until: Option<Instant>,
    memory: Memory,
    /// Refines plans to keep limits, with the tracker that estimates the robot's motion.
    refinement: Option<(&'a mut Refinement, Tracker)>,
    carry: Carry<'a>,
    /// The actions that the next plan is held to, in raw units and absolute, and how firmly: what they are relative to is known
    /// when it is drawn.
    committed: Option<(Array2<f64>, Array1<f64>)>,
    /// The plan drawn last, and what refines it until it keeps a check.
    drawn: Option<Drawn>,
    correction: Option<Correction>,
    /// Observations since the last plan: the actions executed from it.
    executed: usize,
    /// Whether plans keep their iterate after every round.
    observed: bool,
}

impl<'a, N: BorrowMut<Network>, S: BorrowMut<Sampler>> DiffusionPolicy<'a, N, S> {
    /// A policy that samples plans from `network` with `sampler`.
    pub fn new(network: N, sampler: S) -> Self {
        let (memory, budget) = (Memory::new(network.borrow().manifest()), Budget::default());
        Self {
            network,
            sampler,
            budget,
            until: None,
            memory,
            refinement: None,
            carry: Carry::Nothing,
            committed: None,
            drawn: None,
            correction: None,
            executed: 0,
            observed: false,
        }
    }

    /// Refines every plan for the robot that `tracker` follows.
    #[must_use]
    pub fn refined(self, refinement: &'a mut Refinement, tracker: Tracker) -> Self {
        Self { refinement: Some((refinement, tracker)), ..self }
    }

    /// Samples every plan within `budget`; [`Plan::residual`] is set where the budget ended it early.
    #[must_use]
    pub fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// Keeps the plan after each round, in [`Plan::iterates`].
    #[must_use]
    pub fn observed(self) -> Self {
        Self { observed: true, ..self }
    }

    /// Warm start: every plan of an episode but the first begins with the x̂0 and the noise of the plan before it, both
    /// shifted by the actions executed since; the end of the noise is drawn again. Each plan keeps its distribution,
    /// and consecutive plans agree; see [`Sampler::warm_start`]. Where actions are relative to the observation, the guess and
    /// the noise are those of the earlier one: plans keep their distribution all the same, and agree less.
    #[must_use]
    pub fn warm(self) -> Self {
        Self { carry: Carry::Guess(None), ..self }
    }

    /// Draws every plan of an episode but the first with `rest`, a sampler whose table has lost its first steps
    /// ([`Table::skip`](parapolicy_sampler::Table::skip)), from the plan before it, moved forward by the actions
    /// executed since and noised again (real-time iteration; Falcon, arXiv 2503.00339). What it plans is not the
    /// policy's distribution any more. Actions that are relative to the observation are made so to the new one first.
    #[must_use]
    pub fn reusing(self, rest: &'a mut Sampler) -> Self {
        Self { carry: Carry::Plan(rest, None), ..self }
    }
}

impl<N: BorrowMut<Network>, S: BorrowMut<Sampler>> Policy for DiffusionPolicy<'_, N, S> {
    fn reset(&mut self, seed: u64) {
        self.memory.reset(seed);
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.reset();
        }
        self.carry.reset(self.sampler.borrow_mut());
        (self.committed, self.drawn, self.until) = (None, None, None);
        self.executed = 0;
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.memory.observe(observation)?;
        self.executed += 1;
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.observe(observation);
        }
        Ok(())
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>, weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.network.borrow().check_committed(actions, weights)?;
        self.committed = Some((actions.to_owned(), weights.to_owned()));
        Ok(())
    }

    fn be_done_within(&mut self, time: Duration) {
        self.until = Instant::now().checked_add(time);
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let started = Instant::now();
        let until = self.until.take();
        let seed = self.memory.next_seed();
        let committed = self.committed.take();
        let executed = std::mem::take(&mut self.executed);
        let network = self.network.borrow_mut();
        let origin = network.origin(self.memory.observations())?;
        let (sampler, noise) = self.carry.begin(self.sampler.borrow_mut(), seed, executed, network, &origin);
        let held = match committed {
            Some((actions, weights)) => {
                let Committed { values, weights } = network.committed(actions.view(), weights.view(), &origin)?;
                sampler.inpaint(values.view(), weights.view())?;
                Some(weights)
            }
            None => None,
        };
        let mut denoiser = network.bind(self.memory.observations())?;
        let budget = until.map_or(self.budget, |until| sooner(self.budget, until));
        let mut iterates: Vec<Array1<f32>> = Vec::new();
        let sample = if self.observed {
            let mut observe = |guess: ArrayView1<'_, f32>| iterates.push(guess.to_owned());
            sampler.sample_observed(budget, &mut denoiser, &noise, &mut observe)?
        } else {
            sampler.sample_within(budget, &mut denoiser, &noise)?
        };
        let refined = match &mut self.refinement {
            // The sampler has used the seed; the complement gives independent noise.
            Some((refinement, tracker)) => {
                refinement.refine_for(tracker, &mut denoiser, sample.sample(), &origin, !seed)?
            }
            None => None,
        };
        let (statistics, residual, plan) = (sample.statistics(), sample.residual(), sample.sample().to_owned());
        let (rounds, evaluations) = (statistics.rounds, statistics.evaluations);
        let executed = network.manifest().executed_steps();
        let (actions, refinement) = match refined {
            // The refinement covers the intended actions and the stop after them; later actions were not checked.
            Some(Refined { actions, cost }) => (actions, Some(cost)),
            None => (ahead(network, sample.sample(), &origin), None),
        };
        let RefinementCost { rounds: refined, evaluations: also, .. } = refinement.unwrap_or_default();
        let iterates = iterates.iter().map(|iterate| ahead(network, iterate.view(), &origin)).collect();
        self.carry.keep(noise, &plan, &origin);
        self.drawn = Some(Drawn { sample: plan, origin, held, seed });
        Ok(Plan {
            actions,
            intended: executed.len(),
            latency: started.elapsed(),
            together: 1,
            rounds: rounds + refined,
            evaluations: evaluations + also,
            residual,
            refinement,
            iterates,
        })
    }

    fn refine(&mut self, plan: &Plan, asked: &Asked<'_>) -> Result<Option<Plan>, BoxError> {
        let Self { network, drawn, correction, refinement: None, .. } = self else { return Ok(None) };
        let Some(drawn) = drawn else { return Ok(None) };
        let network = network.borrow_mut();
        let correction = match correction {
            Some(correction) => correction,
            none => none.insert(Correction::new(network)?),
        };
        let (sample, cost) = correction.correct(network.bound(), drawn, asked)?;
        let actions = ahead(network, sample.view(), &drawn.origin);
        let beyond =
            |plan: &Array2<f64>| asked.find(plan.view()).map_or(0.0, |found| (found.value - found.limit).abs());
        let (sampled_violation, violation) = (beyond(&plan.actions), beyond(&actions));
        let cost = RefinementCost { sampled_violation, violation, ..cost };
        Ok(Some(Plan {
            actions,
            latency: plan.latency + cost.latency,
            rounds: plan.rounds + cost.rounds,
            evaluations: plan.evaluations + cost.evaluations,
            refinement: Some(cost),
            ..plan.clone()
        }))
    }
}

/// What is left of the time until then, if it is less than the budget's.
fn sooner(budget: Budget, until: Instant) -> Budget {
    // Nothing is no deadline.
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    Budget { deadline: Some(budget.deadline.map_or(left, |deadline| deadline.min(left))), ..budget }
}

/// The actions of a sample, from the time of the newest observation on.
fn ahead(network: &Network, sample: ArrayView1<'_, f32>, origin: &Origin) -> Array2<f64> {
    network.actions(sample, origin).slice_move(s![network.manifest().executed_steps().start.., ..])
}
