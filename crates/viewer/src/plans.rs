//! Which plan is in force, and how much of it is executed.

use std::time::Duration;

use crossbeam::channel::{Receiver, never};
use ndarray::Array2;
use parapolicy_control::Plan;
use parapolicy_pusht::PERIOD;

use crate::plan_observer::{ObservedPlan, PlanObserver};
use crate::scene::ShownPlan;

/// The plans since the policy began to plan: those that arrive, and the newest of them.
#[derive(Debug)]
pub struct Plans {
    arriving: Receiver<ObservedPlan>,
    /// With the number of control steps that had been taken when it was observed what the plan answers.
    newest: Option<(usize, Plan)>,
}

impl Plans {
    /// No plans, and none that arrive.
    pub fn none() -> Self {
        Self { arriving: never(), newest: None }
    }

    /// No plans yet; those that the observer is told of arrive. Every time the policy begins to plan there is a new
    /// observer, so that plans for what was before do not arrive.
    pub fn observed() -> (Self, PlanObserver) {
        let (observer, arriving) = PlanObserver::new();
        (Self { arriving, newest: None }, observer)
    }

    /// Takes the next plan, if one has arrived, and tells how long it took.
    pub fn take(&mut self) -> Option<Duration> {
        let ObservedPlan { observed, plan } = self.arriving.try_recv().ok()?;
        let latency = plan.latency;
        let step = (observed.as_nanos() / PERIOD.as_nanos()) as usize;
        self.newest = Some((step, plan));
        Some(latency)
    }

    /// Whether there is a plan.
    pub fn is_any(&self) -> bool {
        self.newest.is_some()
    }

    /// Rounds of the plan in force, if it answers what was observed after `taken` control steps.
    pub fn fresh_rounds(&self, taken: usize) -> usize {
        let fresh = self.newest.as_ref().filter(|(step, _)| *step == taken);
        fresh.map_or(0, |(_, plan)| plan.iterates.len())
    }

    /// The plan in force, after `taken` control steps since the policy began, with its first `rounds` rounds.
    pub fn shown(&self, taken: usize, rounds: usize) -> Option<ShownPlan> {
        let (step, plan) = self.newest.as_ref()?;
        Some(ShownPlan {
            actions: points(&plan.actions),
            intended: plan.intended,
            done: taken.saturating_sub(*step).min(plan.actions.nrows()),
            iterates: plan.iterates.iter().take(rounds).map(points).collect(),
            rounds: plan.rounds,
            evaluations: plan.evaluations,
        })
    }
}

fn points(actions: &Array2<f64>) -> Vec<[f64; 2]> {
    actions.rows().into_iter().map(|action| [action[0], action[1]]).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use parapolicy_control::{EpisodeObserver as _, PlanEvent};

    use super::*;

    const LATENCY: Duration = Duration::from_millis(7);

    /// Tells the observer of a plan for what was observed after so many control steps.
    fn tell(observer: &PlanObserver, step: u32, x: f64) {
        let actions = array![[x, 0.0], [x, 1.0]];
        let plan = Plan { iterates: vec![actions.clone()], actions, intended: 1, latency: LATENCY, ..Plan::default() };
        let observed = PERIOD * step;
        observer.plan(&PlanEvent { observed, ready: observed + LATENCY, plan: &plan });
    }

    #[test]
    fn a_plan_counts_from_what_it_answers() {
        let (mut plans, observer) = Plans::observed();
        assert!(plans.take().is_none() && !plans.is_any() && plans.shown(2, 0).is_none());
        tell(&observer, 1, 7.0);
        assert_eq!((plans.take(), plans.take()), (Some(LATENCY), None));
        let shown = plans.shown(2, 0).unwrap();
        assert_eq!((shown.done, shown.actions), (1, vec![[7.0, 0.0], [7.0, 1.0]]));
        assert_eq!(plans.shown(50, 0).unwrap().done, 2);
        assert_eq!([0, 1, 2].map(|taken| plans.fresh_rounds(taken)), [0, 1, 0]);
    }

    #[test]
    fn the_newest_plan_is_in_force() {
        let (mut plans, observer) = Plans::observed();
        [(0, 7.0), (3, 8.0)].into_iter().for_each(|(step, x)| tell(&observer, step, x));
        while plans.take().is_some() {}
        let shown = plans.shown(4, 0).unwrap();
        assert_eq!((shown.done, shown.actions[0]), (1, [8.0, 0.0]));
    }

    #[test]
    fn a_plan_for_an_episode_before_does_not_arrive() {
        let (before, late) = Plans::observed();
        drop(before);
        let (mut plans, _observer) = Plans::observed();
        tell(&late, 0, 7.0);
        assert!(plans.take().is_none() && !plans.is_any());
        assert!(Plans::none().take().is_none());
    }
}
