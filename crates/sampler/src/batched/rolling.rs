//! Plans that come and go while others are drawn: who comes is drawn from the next round on, and whoever is drawn leaves.

mod allowance;

use std::time::Instant;

use ndarray::{ArrayView1, ArrayView2};

use self::allowance::Allowance;
use super::BatchedDenoiser;
use super::batch::Batch;
use crate::affine_table::Table;
use crate::budget::{Budget, RoundCost};
use crate::drawing::{Drawing, check_values};
use crate::error::{ConfigError, SampleError};
use crate::noise::Noise;
use crate::sample::Sample;
use crate::strategy::{Strategy, first_not_finite};

/// Draws samples in shared batches that may be begun between any two rounds, and end when they are drawn.
///
/// It has a number of *places*. A sample is [begun](Self::begin) at a vacant one; [`round`](Self::round) calls the network once
/// for all that are not drawn yet; a sample that has [ended](Self::ended) is read and its place [vacated](Self::vacate). In
/// [`BatchedDenoiser::predict_batched`] a plan's number is its place.
///
/// A sample depends on nothing that goes on beside it where the network's rows do not: a round's rows are never fewer than two
/// (a single one is asked for twice), since some networks round a single row otherwise than several; and no sample is given
/// less room for another's sake. With a deadline a sample depends on the time that its rounds took, and so on the others.
///
/// ```
/// use parapolicy_sampler::{Budget, Noise, RollingSampler, SchedulerConfig, Solver, Strategy, Table};
/// # use ndarray::{ArrayView2, ArrayViewMut2};
/// # use parapolicy_sampler::{BoxError, Denoiser};
/// # struct Origin;
/// # impl Denoiser for Origin {
/// #     fn predict(&mut self, rows: ArrayView2<'_, f32>, _: &[f32], mut out: ArrayViewMut2<'_, f32>) -> Result<(), BoxError> {
/// #         out.assign(&rows);
/// #         Ok(())
/// #     }
/// # }
///
/// let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 10)?;
/// let mut sampler = RollingSampler::new(table, Strategy::sequential(), 32, 4)?;
/// let mut begin = |sampler: &mut RollingSampler, seed| {
///     let place = sampler.vacancy().ok_or("no place is vacant")?;
///     sampler.begin(place, &Origin, Noise::draw(seed, 10, 32), Budget::default())?;
///     Ok::<_, Box<dyn std::error::Error>>(place)
/// };
/// let first = begin(&mut sampler, 1)?;
/// sampler.round(&mut Origin)?;
/// let second = begin(&mut sampler, 2)?; // it does not wait for the first
/// for _ in 0..10 {
///     sampler.round(&mut Origin)?;
/// }
/// assert_eq!(sampler.ended().collect::<Vec<_>>(), [first, second]);
/// assert_eq!(sampler.sample(second)?.statistics().rounds, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RollingSampler {
    table: Table,
    strategy: Strategy,
    places: Vec<Place>,
    /// Places whose samples are not drawn yet, in order.
    unfinished: Vec<usize>,
    batch: Batch,
    round_cost: RoundCost,
    /// Rows of the last round.
    rows: usize,
}

/// Room for one sample.
struct Place {
    drawing: Drawing,
    /// The noise of the sample that is or was drawn here.
    noise: Option<Noise>,
    allowance: Allowance,
    state: State,
}

enum State {
    Vacant,
    Unfinished,
    Ended,
    Failed(SampleError),
}

impl RollingSampler {
    /// Rows of a round at least.
    const FEWEST_ROWS: usize = 2;

    /// Makes a sampler for up to `places` samples of `dim` values (`horizon * action_dim`) at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as for [`Sampler::new`](crate::Sampler::new), and if `places` is 0, or so many that their values
    /// cannot be kept.
    pub fn new(table: Table, strategy: Strategy, dim: usize, places: usize) -> Result<Self, ConfigError> {
        if places == 0 {
            return Err(ConfigError::out_of_range("plans", &places, "at least 1"));
        }
        check_values(places, table.steps(), dim)?;
        let place = |_| {
            let drawing = Drawing::new(&table, strategy, dim)?;
            Ok(Place { drawing, noise: None, allowance: Allowance::of(Budget::default()), state: State::Vacant })
        };
        Ok(Self {
            places: (0..places).map(place).collect::<Result<_, _>>()?,
            unfinished: Vec::with_capacity(places),
            batch: Batch::new((places * table.steps()).max(Self::FEWEST_ROWS), dim),
            round_cost: RoundCost::default(),
            rows: 0,
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

    /// How many samples it has room for.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// How many samples are not drawn yet.
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// Rows of the last round.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The first place where a sample can be begun.
    pub fn vacancy(&self) -> Option<usize> {
        self.places.iter().position(|place| matches!(place.state, State::Vacant))
    }

    /// Holds values of the next sample at a vacant place, as [`Sampler::inpaint`](crate::Sampler::inpaint) does.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as there, and if the place is not vacant.
    pub fn inpaint(
        &mut self,
        place: usize,
        values: ArrayView1<'_, f32>,
        weights: ArrayView1<'_, f32>,
    ) -> Result<(), ConfigError> {
        self.vacant(place)?.drawing.inpaint(values, weights)
    }

    /// Begins a sample at a vacant place: the one that `noise` leads to, or the best guess of it that can be had within
    /// `budget`, which counts from now on. The denoiser has bound what belongs to the place; it is asked for what is known.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the place is not vacant, if a limit of the budget is 0, or if the noise has another shape than the
    /// sampler.
    pub fn begin(
        &mut self,
        place: usize,
        denoiser: &dyn BatchedDenoiser,
        noise: Noise,
        budget: Budget,
    ) -> Result<(), SampleError> {
        budget.validate()?;
        self.vacant(place)?;
        let (table, cost) = (&self.table, &self.round_cost);
        let begun = &mut self.places[place];
        begun.drawing.cold_start();
        begun.drawing.begin(table, &noise, denoiser.known_of(place)).map_err(|error| error.of_plan(place))?;
        begun.allowance = Allowance::of(budget);
        // One round is made in any case.
        let others = if self.unfinished.is_empty() { 0 } else { self.rows };
        let _ = begun.drawing.limit_rows(begun.allowance.room(cost, others));
        (begun.noise, begun.state) = (Some(noise), State::Unfinished);
        self.unfinished.insert(self.unfinished.partition_point(|&other| other < place), place);
        Ok(())
    }

    fn vacant(&mut self, place: usize) -> Result<&mut Place, ConfigError> {
        let places = self.places();
        match self.places.get_mut(place) {
            Some(found) if matches!(found.state, State::Vacant) => Ok(found),
            Some(_) => Err(ConfigError::out_of_range("place", &place, "vacant")),
            None => Err(ConfigError::out_of_range("place", &place, format!("less than {places}"))),
        }
    }

    /// Calls the network once for all samples that are not drawn yet; nothing, if there are none. A sample for which the
    /// network predicts what is not finite has failed, and no other with it.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the denoiser fails: it ends all samples that are not drawn yet, and vacates their places, but those
    /// whose budget keeps what there is ([`Budget::keep_on_failure`]).
    pub fn round(&mut self, denoiser: &mut dyn BatchedDenoiser) -> Result<(), SampleError> {
        let started = Instant::now();
        self.ask();
        if self.unfinished.is_empty() {
            return Ok(());
        }
        self.rows = self.batch.len();
        self.batch.pad(Self::FEWEST_ROWS);
        if let Err(error) = self.batch.call(denoiser) {
            self.unfinished.drain(..).for_each(|place| self.places[place].lose(&self.table));
            return Err(error);
        }
        self.round_cost.learn(self.rows, started.elapsed());
        self.tell();
        Ok(())
    }

    /// Gathers the rows of all that are not drawn yet.
    fn ask(&mut self) {
        let Self { table, places, unfinished, batch, .. } = self;
        batch.clear();
        unfinished.retain(|&place| {
            let Place { drawing, noise, state, .. } = &mut places[place];
            let Some(noise) = noise else { return false };
            match drawing.ask(table, noise) {
                Ok(rows) => {
                    batch.push(place, rows);
                    true
                }
                Err(error) => {
                    *state = State::Failed(error.of_plan(place));
                    false
                }
            }
        });
    }

    /// Hands the predictions out.
    fn tell(&mut self) {
        let Self { table, places, unfinished, batch, round_cost, rows, .. } = self;
        let mut predictions = batch.predictions();
        unfinished.retain(|&index| {
            let (first, place) = (predictions.position(), &mut places[index]);
            let own = predictions.next_of(index);
            place.state = match first_not_finite(own) {
                Some(row) => {
                    let timestep = batch.timestep(first + row);
                    State::Failed(SampleError::PredictionNotFinite { timestep }.of_plan(index))
                }
                None => place.tell(table, own, round_cost, *rows),
            };
            matches!(place.state, State::Unfinished)
        });
    }

    /// Whether the sample at a place has ended: drawn, cut short by its budget, or failed; until the place is vacated.
    pub fn has_ended(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(|place| matches!(place.state, State::Ended | State::Failed(_)))
    }

    /// Places whose samples have ended.
    pub fn ended(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.places.len()).filter(|place| self.has_ended(*place))
    }

    /// What was drawn at a place, or how far it is.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the sample has failed, or the place is vacant.
    pub fn sample(&mut self, place: usize) -> Result<Sample<'_>, SampleError> {
        let places = self.places();
        let found = self.places.get_mut(place).filter(|found| !matches!(found.state, State::Vacant));
        let expected = || ConfigError::out_of_range("place", &place, format!("less than {places}, and not vacant"));
        let found = found.ok_or_else(expected)?;
        match std::mem::replace(&mut found.state, State::Vacant) {
            State::Failed(error) => Err(error),
            state => {
                found.state = state;
                Ok(found.drawing.sample())
            }
        }
    }

    /// Makes room for another sample, whether this one has ended or not. What it was is forgotten.
    pub fn vacate(&mut self, place: usize) {
        self.unfinished.retain(|&other| other != place);
        if let Some(place) = self.places.get_mut(place) {
            (place.state, place.noise) = (State::Vacant, None);
        }
    }
}

impl Place {
    /// The denoiser has failed.
    fn lose(&mut self, table: &Table) {
        self.state = if self.allowance.keeps() {
            self.drawing.fail(table);
            State::Ended
        } else {
            State::Vacant
        };
    }

    /// Takes in the predictions for the sample here, `[p, D]`, of a round of `rows` rows.
    fn tell(&mut self, table: &Table, predictions: ArrayView2<'_, f32>, cost: &RoundCost, rows: usize) -> State {
        let Some(noise) = &self.noise else { return State::Vacant };
        let others = rows - predictions.nrows();
        if self.drawing.tell(table, noise, predictions) {
            return State::Ended;
        }
        if self.allowance.is_unlimited() {
            return State::Unfinished;
        }
        self.drawing.complete(table, noise);
        self.allowance.round_done();
        match self.drawing.limit_rows(self.allowance.room(cost, others)) {
            Ok(()) => State::Unfinished,
            Err(reason) => {
                self.drawing.stop(reason);
                State::Ended
            }
        }
    }
}
