//! Looking over a policy's shoulder.

use crossbeam::channel::Sender;
use ndarray::{Array1, ArrayView1, ArrayView2};
use parapolicy_control::{BoxError, Plan, Policy};

/// A plan, and what it answers.
#[derive(Clone, Debug)]
pub struct Tapped {
    /// The newest observation that the policy had seen.
    pub observation: Array1<f64>,
    /// What it planned, rounds included.
    pub plan: Plan,
}

/// A policy whose plans someone else gets to see. It never waits for them: plans that there is no room for are not seen.
pub struct Tap {
    policy: Box<dyn Policy>,
    observation: Array1<f64>,
    plans: Sender<Tapped>,
}

impl Tap {
    /// Shows every plan of `policy` to `plans`.
    pub fn new(policy: Box<dyn Policy>, plans: Sender<Tapped>) -> Self {
        Self { policy, observation: Array1::zeros(0), plans }
    }
}

impl Policy for Tap {
    fn reset(&mut self, seed: u64) {
        self.policy.reset(seed);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.observation = observation.to_owned();
        self.policy.observe(observation)
    }

    fn commit(&mut self, actions: ArrayView2<'_, f64>) -> Result<(), BoxError> {
        self.policy.commit(actions)
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let plan = self.policy.plan()?;
        let _full = self.plans.try_send(Tapped { observation: self.observation.clone(), plan: plan.clone() });
        Ok(plan)
    }
}
