//! An episode being played.

use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array1, ArrayView1};
use parapolicy_control::playback::{Command, Source};
use parapolicy_control::{Environment, EpisodeObserver, Observer, Plan, PlanCost, PlanEvent, StepEvent};

use crate::{Episode, EpisodeError};

/// An episode so far, and the plan in force.
pub(super) struct Rollout {
    pub episode: Episode,
    period: Duration,
    observation: Array1<f64>,
    plan: Plan,
    /// When the plan was drawn.
    planned: Duration,
    /// Which of the plan's actions comes next.
    next: usize,
    scene: Vec<f64>,
    observer: Arc<dyn EpisodeObserver>,
}

impl Rollout {
    /// Begins an episode; it has no plan yet.
    pub fn begin(environment: &mut dyn Environment, seed: u64, observer: &dyn Observer) -> Result<Self, EpisodeError> {
        environment.reset(seed).map_err(|source| EpisodeError::Environment { step: 0, source })?;
        Ok(Self {
            episode: Episode { seed, ..Episode::default() },
            period: environment.period(),
            observation: Array1::zeros(environment.observation_dim()),
            plan: Plan::default(),
            planned: Duration::ZERO,
            next: 0,
            scene: Vec::new(),
            observer: observer.begin(seed),
        })
    }

    /// The observation before the next step.
    pub fn observe(&mut self, environment: &mut dyn Environment) -> Result<ArrayView1<'_, f64>, EpisodeError> {
        let step = self.episode.control_steps;
        if self.observer.cancels() {
            return Err(EpisodeError::Cancelled { step });
        }
        let of_environment = |source| EpisodeError::Environment { step, source };
        environment.observe(self.observation.view_mut()).map_err(of_environment)?;
        Ok(self.observation.view())
    }

    /// Whether every action of the plan in force has been executed.
    pub fn needs_plan(&self) -> bool {
        self.next >= self.plan.intended_actions().nrows()
    }

    /// Puts a plan in force.
    pub fn follow(&mut self, plan: Plan, action_dim: usize) -> Result<(), EpisodeError> {
        let (steps, dim) = plan.intended_actions().dim();
        if steps == 0 || dim != action_dim {
            return Err(EpisodeError::Plan { found: [steps, dim], action_dim });
        }
        self.episode.plans.push(PlanCost::of(&plan));
        // A policy may use another memory layout for its actions.
        let standard = plan.actions.is_standard_layout();
        let plan =
            if standard { plan } else { Plan { actions: plan.actions.as_standard_layout().into_owned(), ..plan } };
        (self.plan, self.planned, self.next) = (plan, self.time(), 0);
        Ok(())
    }

    /// Executes the plan's next action, of which there must be one; returns whether the episode is over.
    pub fn step(&mut self, environment: &mut dyn Environment) -> Result<bool, EpisodeError> {
        let (index, time) = (self.episode.control_steps, self.time());
        let action = self.plan.actions.row(self.next);
        let outcome = environment.step(action).map_err(|source| EpisodeError::Environment { step: index, source })?;
        self.episode.count(outcome, true);
        self.scene.clear();
        environment.scene(&mut self.scene);
        self.tell(index, time, outcome);
        self.next += 1;
        Ok(outcome.over)
    }

    /// Reports a step to the observer.
    fn tell(&self, index: usize, time: Duration, outcome: parapolicy_control::Outcome) {
        let Self { observation, plan, planned, next, scene, observer, .. } = self;
        let (observation, action) = (observation.view(), plan.actions.row(*next));
        observer.observation(time, observation);
        if *next == 0 {
            observer.plan(&PlanEvent { observed: *planned, ready: *planned, plan });
        }
        observer.command(time, &Command { action, source: Source::Plan, withheld: None, observed: Some(*planned) });
        let dim = plan.actions.ncols();
        let intended = plan.intended.min(plan.actions.nrows());
        let ahead = plan.actions.as_slice().map_or(&[][..], |actions| &actions[next * dim..intended * dim]);
        observer.step(&StepEvent { index, time, observation, action, ahead, outcome, scene });
    }

    /// When the next step begins.
    fn time(&self) -> Duration {
        self.period.saturating_mul(u32::try_from(self.episode.control_steps).unwrap_or(u32::MAX))
    }
}
