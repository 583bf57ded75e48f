//! Several plans at once: every round, the rows of all plans that are not drawn yet go to the network in one call.
//!
//! Each plan keeps its own path, window and statistics, and is the plan it would be alone: the sampler gathers the rows that
//! the strategies ask for and hands the predictions back. There are fewer calls, which pays where a batch costs less than
//! its rows one by one.

mod batch;
mod rolling;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use self::batch::Batch;
pub use self::rolling::RollingSampler;
use crate::affine_table::Table;
use crate::budget::{Budget, RoundCost, Spending};
use crate::denoiser::{BoxError, Denoiser, Known};
use crate::drawing::{Drawing, check_values};
use crate::error::{ConfigError, SampleError};
use crate::noise::Noise;
use crate::sample::{Ended, Sample};
use crate::statistics::Statistics;
use crate::strategy::Strategy;

/// A network with one observation bound for each plan.
///
/// Every [`Denoiser`] is one: its observation is that of all plans.
pub trait BatchedDenoiser {
    /// Predicts as [`Denoiser::predict`] does, row `i` for the observation of plan `plans[i]`.
    ///
    /// Rows of a plan follow each other, and plans come in rising order; not every plan is in every call.
    ///
    /// # Errors
    ///
    /// Anything that keeps the network from predicting; it ends all samples.
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError>;

    /// What is known of the sample of a plan, as [`Denoiser::known`] says.
    fn known_of(&self, _plan: usize) -> Option<Known<'_>> {
        None
    }
}

impl<D: Denoiser> BatchedDenoiser for D {
    fn known_of(&self, _plan: usize) -> Option<Known<'_>> {
        self.known()
    }

    fn predict_batched(
        &mut self,
        _plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.predict(samples, timesteps, prediction)
    }
}

/// Draws several samples of `dim` values in shared batches, each the one that [`Sampler`](crate::Sampler) draws. It owns
/// every buffer: drawing allocates nothing.
///
/// ```
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
/// use parapolicy_sampler::{BoxError, Denoiser, BatchedSampler, Noise, SchedulerConfig, Solver, Strategy, Table};
///
/// struct Origin;
///
/// impl Denoiser for Origin {
///     fn predict(
///         &mut self,
///         samples: ArrayView2<'_, f32>,
///         _timesteps: &[f32],
///         mut prediction: ArrayViewMut2<'_, f32>,
///     ) -> Result<(), BoxError> {
///         prediction.assign(&samples);
///         Ok(())
///     }
/// }
///
/// let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 50)?;
/// let mut sampler = BatchedSampler::new(table, Strategy::sequential(), 32, 4)?;
/// let noises: Vec<Noise> = (0..4).map(|seed| Noise::draw(seed, 50, 32)).collect();
/// let samples = sampler.sample(&mut Origin, &noises)?;
/// assert_eq!(samples.iter().map(|sample| sample.statistics().rounds).collect::<Vec<_>>(), [50; 4]);
/// assert_eq!((samples.statistics().rounds, samples.statistics().evaluations), (50, 200));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BatchedSampler {
    table: Table,
    strategy: Strategy,
    drawings: Vec<Drawing>,
    /// Plans that are not drawn yet, in order.
    unfinished: Vec<usize>,
    batch: Batch,
    statistics: Statistics,
    round_cost: RoundCost,
}

impl BatchedSampler {
    /// Makes a sampler for up to `plans` samples of `dim` values (`horizon * action_dim`) at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as for [`Sampler::new`](crate::Sampler::new), and if `plans` is 0, or so many that their values
    /// cannot be kept.
    pub fn new(table: Table, strategy: Strategy, dim: usize, plans: usize) -> Result<Self, ConfigError> {
        if plans == 0 {
            return Err(ConfigError::out_of_range("plans", &plans, "at least 1"));
        }
        check_values(plans, table.steps(), dim)?;
        let drawing = |_| Drawing::new(&table, strategy, dim);
        Ok(Self {
            drawings: (0..plans).map(drawing).collect::<Result<_, _>>()?,
            unfinished: Vec::with_capacity(plans),
            batch: Batch::new(plans * table.steps(), dim),
            statistics: Statistics::with_capacity(table.steps()),
            round_cost: RoundCost::default(),
            table,
            strategy,
        })
    }

    /// The table it takes steps by.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The strategy it was made with.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Values in a sample, `D`.
    pub fn dim(&self) -> usize {
        self.batch.dim()
    }

    /// Samples that can be drawn at once.
    pub fn plans(&self) -> usize {
        self.drawings.len()
    }

    /// Holds values of the next sample of a plan, as [`Sampler::inpaint`](crate::Sampler::inpaint) does.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as there, and if there is no such plan.
    pub fn inpaint(
        &mut self,
        plan: usize,
        values: ArrayView1<'_, f32>,
        weights: ArrayView1<'_, f32>,
    ) -> Result<(), ConfigError> {
        let plans = self.plans();
        let drawing = self.drawings.get_mut(plan);
        let none = || ConfigError::out_of_range("plan", &plan, format!("less than {plans}"));
        drawing.ok_or_else(none)?.inpaint(values, weights)
    }

    /// Draws the samples that `noises` lead to, one each.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if there is no noise, or more than [`BatchedSampler::plans`]; if one has another shape than the
    /// sampler; or if the denoiser fails or predicts values that are not finite. Errors that are one plan's name it.
    pub fn sample(&mut self, denoiser: &mut dyn BatchedDenoiser, noises: &[Noise]) -> Result<Samples<'_>, SampleError> {
        self.sample_within(Budget::default(), denoiser, noises)
    }

    /// Draws the samples that `noises` lead to, or the best guesses of them that can be had within `budget`, which is
    /// that of all together: [`Sample::ended`] tells which.
    ///
    /// # Errors
    ///
    /// As [`BatchedSampler::sample`]; and if a limit of the budget is 0.
    pub fn sample_within(
        &mut self,
        budget: Budget,
        denoiser: &mut dyn BatchedDenoiser,
        noises: &[Noise],
    ) -> Result<Samples<'_>, SampleError> {
        budget.validate()?;
        self.begin(denoiser, noises)?;
        let mut spending = Spending::of(budget);
        // One round is made in any case.
        let _ = self.limit_rows(spending.room(&self.round_cost));
        loop {
            match self.round(denoiser, noises) {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if spending.keeps(&error) => {
                    self.unfinished.iter().for_each(|&plan| self.drawings[plan].fail(&self.table));
                    break;
                }
                Err(error) => return Err(error),
            }
            if !budget.is_unlimited() {
                self.complete(noises);
                spending.round_done(&mut self.round_cost, self.batch.len());
                if let Err(reason) = self.limit_rows(spending.room(&self.round_cost)) {
                    self.unfinished.iter().for_each(|&plan| self.drawings[plan].stop(reason));
                    break;
                }
            }
        }
        Ok(Samples { drawings: &self.drawings[..noises.len()], statistics: &self.statistics })
    }

    fn begin(&mut self, denoiser: &dyn BatchedDenoiser, noises: &[Noise]) -> Result<(), SampleError> {
        let (found, most) = (noises.len(), self.plans());
        if !(1..=most).contains(&found) {
            return Err(SampleError::Plans { found, most });
        }
        for (plan, (drawing, noise)) in self.drawings.iter_mut().zip(noises).enumerate() {
            let known = denoiser.known_of(plan);
            drawing.begin(&self.table, noise, known).map_err(|error| error.of_plan(plan))?;
        }
        self.unfinished.clear();
        self.unfinished.extend(0..found);
        self.statistics.clear();
        Ok(())
    }

    /// Limits the next round of every plan that is not drawn yet to its share of the rows for which there is `room`. An
    /// error is why there can be no next round.
    fn limit_rows(&mut self, room: Result<usize, Ended>) -> Result<(), Ended> {
        let Self { drawings, unfinished, .. } = self;
        let share = room.and_then(|rows| match rows / unfinished.len() {
            0 => Err(Ended::OutOfTime),
            share => Ok(share),
        });
        let mut result = Ok(());
        for &plan in &*unfinished {
            result = result.and(drawings[plan].limit_rows(share));
        }
        result
    }

    /// Calls the network once for all; returns whether every sample is drawn.
    fn round(&mut self, denoiser: &mut dyn BatchedDenoiser, noises: &[Noise]) -> Result<bool, SampleError> {
        let Self { table, drawings, unfinished, batch, statistics, .. } = self;
        batch.clear();
        for &plan in &*unfinished {
            let rows = drawings[plan].ask(table, &noises[plan]).map_err(|error| error.of_plan(plan))?;
            batch.push(plan, rows);
        }
        batch.predict(denoiser)?;
        statistics.count(batch.len());
        let mut predictions = batch.predictions();
        unfinished.retain(|&plan| !drawings[plan].tell(table, &noises[plan], predictions.next_of(plan)));
        Ok(unfinished.is_empty())
    }

    /// Makes the paths that are not drawn yet whole by guessing.
    fn complete(&mut self, noises: &[Noise]) {
        for &plan in &self.unfinished {
            self.drawings[plan].complete(&self.table, &noises[plan]);
        }
    }
}

/// Samples, borrowed from the sampler that drew them.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    drawings: &'a [Drawing],
    statistics: &'a Statistics,
}

impl<'a> Samples<'a> {
    /// Each sample, in the order of the noises, with what it took itself.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sample<'a>> + use<'a> {
        self.drawings.iter().map(Drawing::sample)
    }

    /// What all took together: calls of the network, and the rows of all plans in them.
    pub fn statistics(&self) -> &'a Statistics {
        self.statistics
    }
}
