//! Which plan is in force, told from what it answers.

use ndarray::{Array1, Array2, ArrayView1};
use parapolicy_control::Plan;

use crate::scene::ShownPlan;
use crate::tap::Tapped;

/// The observations since the policy began to plan, and the newest plan for any of them.
#[derive(Debug, Default)]
pub struct Plans {
    observations: Vec<Array1<f64>>,
    newest: Option<(usize, Plan)>,
}

impl Plans {
    /// Forgets everything: plans that are still being worked on answer nothing that is known.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes note of the observation after `taken` control steps; again, if it is looked at again.
    pub fn observed(&mut self, taken: usize, observation: ArrayView1<'_, f64>) {
        self.observations.truncate(taken);
        self.observations.push(observation.to_owned());
    }

    /// Whether there is a plan.
    pub fn is_any(&self) -> bool {
        self.newest.is_some()
    }

    /// Takes a plan, if it answers an observation of these; returns whether it does.
    pub fn take(&mut self, Tapped { observation, plan }: Tapped) -> bool {
        // The last such: nothing may have moved between two of them.
        let answers = self.observations.iter().rposition(|known| *known == observation);
        let found = answers.is_some();
        if let Some(step) = answers {
            self.newest = Some((step, plan));
        }
        found
    }

    /// Says which control step's observation the plan in force answers, if several were the same.
    pub fn settle(&mut self, step: usize) {
        if let Some((answered, _)) = &mut self.newest
            && self.observations.get(step) == self.observations.get(*answered)
        {
            *answered = step;
        }
    }

    /// Rounds of the plan in force, if it answers the newest observation.
    pub fn fresh_rounds(&self) -> usize {
        let fresh = self.newest.as_ref().filter(|(step, _)| step + 1 == self.observations.len());
        fresh.map_or(0, |(_, plan)| plan.iterates.len())
    }

    /// The plan in force, when `taken` actions were sent since the policy began, with its first `rounds` rounds.
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

    use super::*;

    fn tapped(observation: f64, x: f64) -> Tapped {
        let plan = Plan { actions: array![[x, 0.0], [x, 1.0]], intended: 1, ..Plan::default() };
        Tapped { observation: array![observation], plan }
    }

    #[test]
    fn a_plan_counts_from_what_it_answers() {
        let mut plans = Plans::default();
        for (taken, observation) in [(0, 1.0), (1, 9.0), (1, 2.0), (2, 3.0)] {
            plans.observed(taken, array![observation].view());
        }
        assert!(plans.shown(2, 0).is_none());
        assert!(plans.take(tapped(2.0, 7.0)));
        let shown = plans.shown(2, 0).unwrap();
        assert_eq!((shown.done, shown.actions), (1, vec![[7.0, 0.0], [7.0, 1.0]]));
        assert_eq!(plans.shown(50, 0).unwrap().done, 2);
    }

    #[test]
    fn a_plan_is_for_the_observation_that_it_is_said_to_be_for() {
        let mut plans = Plans::default();
        (0..3).for_each(|taken| plans.observed(taken, array![f64::from(u8::from(taken == 2))].view()));
        assert!(plans.take(tapped(0.0, 7.0)));
        assert_eq!(plans.shown(2, 0).unwrap().done, 1, "the last of those that it can be for");
        plans.settle(0);
        assert_eq!(plans.shown(2, 0).unwrap().done, 2);
        plans.settle(2);
        assert_eq!(plans.shown(2, 0).unwrap().done, 2, "what it does not answer it is not for");
    }

    #[test]
    fn a_plan_for_an_episode_before_is_not_taken() {
        let mut plans = Plans::default();
        plans.observed(0, array![1.0].view());
        plans.clear();
        plans.observed(0, array![2.0].view());
        assert!(!plans.take(tapped(1.0, 7.0)));
        assert!(plans.shown(0, 0).is_none());
    }
}
