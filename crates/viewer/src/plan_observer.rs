//! Observes plans as they are made, and passes them on to be shown.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use parapolicy_control::{EpisodeObserver, Observer, Plan, PlanEvent};

/// Plans that may wait to be shown.
const PLANS: usize = 16;

/// A plan, and what it answers.
#[derive(Clone, Debug)]
pub struct ObservedPlan {
    /// When the newest observation was taken that it answers, from the beginning of planning.
    pub observed: Duration,
    /// The plan, with what it was after each round.
    pub plan: Plan,
}

/// Sends every plan to a channel. It never waits: a plan that finds the channel full, or closed, is not shown.
#[derive(Clone, Debug)]
pub struct PlanObserver {
    plans: Sender<ObservedPlan>,
}

impl PlanObserver {
    /// An observer, and where its plans arrive.
    pub fn new() -> (Self, Receiver<ObservedPlan>) {
        let (plans, arriving) = bounded(PLANS);
        (Self { plans }, arriving)
    }
}

impl Observer for PlanObserver {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for PlanObserver {
    fn plan(&self, event: &PlanEvent<'_>) {
        let _not_shown = self.plans.try_send(ObservedPlan { observed: event.observed, plan: event.plan.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_nobody() {
        let (observer, arriving) = PlanObserver::new();
        let (episode, plan) = (observer.begin(0), Plan::default());
        let observe = || episode.plan(&PlanEvent { observed: Duration::ZERO, ready: Duration::ZERO, plan: &plan });
        (0..2 * PLANS).for_each(|_| observe());
        assert_eq!(arriving.try_iter().count(), PLANS);
        drop(arriving);
        observe();
    }
}
