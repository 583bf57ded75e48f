//! The thread that draws the plans of one policy: all that are asked for at a time, in shared batches.
//!
//! Between two rounds it takes in what has come meanwhile, so that a newcomer waits for a round and not for a plan; lets go of
//! those whose client has left; and hands out what is drawn.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, s};
use parapolicy_control::Recipe;
use parapolicy_policy::{Network, PolicyError, Seen};
use parapolicy_sampler::{BoxError, Budget, Noise, RollingSampler};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// A plan that is asked for.
#[derive(Debug)]
pub struct Job {
    /// `[n_obs_steps, observation_dim]`, raw units.
    pub observation: Array2<f64>,
    /// Of its noise.
    pub seed: u64,
    /// Actions that are carried out before the plan is there, `[n, action_dim]`.
    pub committed: Option<Array2<f64>>,
    /// When the plan must be there.
    pub deadline: Option<Instant>,
    /// Where it goes.
    pub reply: oneshot::Sender<Result<Planned, Refusal>>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// From now on, raw units, `[n, action_dim]`.
    pub actions: Array2<f64>,
    /// Calls of the network.
    pub rounds: usize,
    /// Rows in them.
    pub evaluations: usize,
    /// How far the plan moved in its last round, where the deadline cut it short.
    pub residual: Option<f64>,
}

/// Asks the thread for plans.
#[derive(Clone, Debug)]
pub struct Planner {
    jobs: mpsc::Sender<Job>,
}

impl Planner {
    /// Starts the thread, with room for `places` plans at once.
    ///
    /// # Errors
    /// A recipe that does not fit the policy, or the thread cannot be started.
    pub fn start(network: Network, recipe: &Recipe, places: usize, metrics: Arc<Metrics>) -> Result<Self, ServeError> {
        let sampler = recipe.rolling_sampler(network.manifest(), places)?;
        // One job waits for each place; further clients wait in their connections.
        let (jobs, asked) = mpsc::channel(places);
        let taken = (0..sampler.places()).map(|_| None).collect();
        let mut thread =
            PlanThread { network, sampler, budget: recipe.budget, asked, taken, seen: Vec::new(), metrics };
        let name = "planner".to_owned();
        thread::Builder::new().name(name).spawn(move || thread.run()).map_err(ServeError::Thread)?;
        Ok(Self { jobs })
    }

    /// Whether the thread is there.
    pub fn is_alive(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Asks for a plan; it goes to the job's `reply`.
    ///
    /// # Errors
    /// [`Refusal::Failed`] if the thread is gone.
    pub async fn ask(&self, job: Job) -> Result<(), Refusal> {
        self.jobs.send(job).await.map_err(|_| Refusal::Failed)
    }
}

struct PlanThread {
    network: Network,
    sampler: RollingSampler,
    /// Of a plan whose request has no deadline.
    budget: Budget,
    asked: mpsc::Receiver<Job>,
    /// Whose plan is drawn at each place.
    taken: Vec<Option<oneshot::Sender<Result<Planned, Refusal>>>>,
    /// What the plan at each place is for. What was seen at a place that is vacant now stays bound, and is not asked about.
    seen: Vec<Seen>,
    metrics: Arc<Metrics>,
}

impl PlanThread {
    /// Draws plans until nobody can ask for one any more.
    fn run(&mut self) {
        while self.take_in() {
            self.let_go();
            if self.sampler.unfinished() == 0 {
                continue;
            }
            let started = Instant::now();
            if let Err(failed) = self.sampler.round(&mut self.network.bound()) {
                // Some plans may be good enough as they are.
                self.hand_out();
                self.fail_all(&failed.into());
            }
            self.metrics.round(self.sampler.rows(), started.elapsed());
            self.hand_out();
        }
    }

    /// Takes in what has come, as far as there is room; waits where there is nothing else to do. Returns whether there is work.
    fn take_in(&mut self) -> bool {
        while let Some(place) = self.sampler.vacancy() {
            let job = match self.asked.try_recv() {
                Ok(job) => job,
                Err(_) if self.sampler.unfinished() > 0 => return true,
                Err(_) => match self.asked.blocking_recv() {
                    Some(job) => job,
                    None => return false,
                },
            };
            self.begin(place, job);
        }
        true
    }

    fn begin(&mut self, place: usize, job: Job) {
        let Job { observation, seed, committed, deadline, reply } = job;
        if reply.is_closed() {
            return;
        }
        match self.try_begin(place, &observation, seed, committed, deadline) {
            Ok(()) => {
                self.taken[place] = Some(reply);
                self.metrics.planning.fetch_add(1, Relaxed);
            }
            Err(refusal) => {
                let _left = reply.send(Err(refusal));
                self.bind();
            }
        }
    }

    fn try_begin(
        &mut self,
        place: usize,
        observation: &Array2<f64>,
        seed: u64,
        committed: Option<Array2<f64>>,
        deadline: Option<Instant>,
    ) -> Result<(), Refusal> {
        let seen = self.network.see(observation.view()).map_err(refusal)?;
        let origin = seen.origin().clone();
        let last = self.taken.iter().rposition(Option::is_some).unwrap_or(0);
        self.seen.truncate(1 + last.max(place));
        match self.seen.get_mut(place) {
            Some(last) => *last = seen,
            // Places are taken from the first on.
            None => self.seen.push(seen),
        }
        self.network.bind_seen(&self.seen).map_err(refusal)?;
        if let Some(actions) = committed {
            let wrong = |problem: String| Refusal::BadRequest(format!("parapolicy/committed: {problem}"));
            let firmly = Array1::ones(actions.nrows());
            let known = self.network.committed(actions.view(), firmly.view(), &origin);
            let known = known.map_err(|error| wrong(error.to_string()))?;
            let held = self.sampler.inpaint(place, known.values.view(), known.weights.view());
            held.map_err(|error| wrong(error.to_string()))?;
        }
        let noise = Noise::draw(seed, self.sampler.table().steps(), self.sampler.dim());
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let budget = Budget { deadline: deadline.map(left), ..self.budget };
        let begun = self.sampler.begin(place, &self.network.bound(), noise, budget);
        begun.map_err(|error| failed(&error.into()))
    }

    /// Binds again what was bound before a newcomer was refused.
    fn bind(&mut self) {
        if self.sampler.unfinished() > 0
            && let Err(error) = self.network.bind_seen(&self.seen)
        {
            self.fail_all(&error.into());
        }
    }

    /// Vacates the places of those who have left.
    fn let_go(&mut self) {
        for (place, taken) in self.taken.iter_mut().enumerate() {
            if taken.as_ref().is_some_and(oneshot::Sender::is_closed) {
                *taken = None;
                self.sampler.vacate(place);
                self.metrics.planning.fetch_sub(1, Relaxed);
            }
        }
    }

    fn hand_out(&mut self) {
        for place in 0..self.taken.len() {
            let Some(reply) = self.taken[place].take_if(|_| self.sampler.has_ended(place)) else { continue };
            let first = self.network.manifest().executed_steps().start;
            let planned = match self.sampler.sample(place) {
                Ok(sample) => {
                    let actions =
                        self.network.actions(sample.sample(), self.seen[place].origin()).slice_move(s![first.., ..]);
                    let (statistics, residual) = (sample.statistics(), sample.residual());
                    let (rounds, evaluations) = (statistics.rounds, statistics.evaluations);
                    let is_finite = actions.iter().all(|action| action.is_finite());
                    is_finite.then_some(Planned { actions, rounds, evaluations, residual }).ok_or(Refusal::Failed)
                }
                Err(error) => Err(failed(&error.into())),
            };
            self.sampler.vacate(place);
            self.metrics.planning.fetch_sub(1, Relaxed);
            let _left = reply.send(planned);
        }
    }

    /// The network has failed: so have all plans.
    fn fail_all(&mut self, failed: &BoxError) {
        error!("the network has failed: {}", chain(failed));
        for (place, taken) in self.taken.iter_mut().enumerate() {
            self.sampler.vacate(place);
            let Some(reply) = taken.take() else { continue };
            self.metrics.planning.fetch_sub(1, Relaxed);
            let _left = reply.send(Err(Refusal::Failed));
        }
    }
}

/// Only what is wrong with the observation itself is told.
fn refusal(error: PolicyError) -> Refusal {
    match error {
        PolicyError::ObservationValue { .. } | PolicyError::ObservationShape { .. } => {
            Refusal::BadRequest(error.to_string())
        }
        error => failed(&error.into()),
    }
}

/// Logs what is not told.
fn failed(error: &BoxError) -> Refusal {
    warn!("a plan has failed: {}", chain(error));
    Refusal::Failed
}

/// An error and its causes.
fn chain(error: &BoxError) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
