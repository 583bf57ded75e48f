//! A plan, as a client gets it.

use ndarray::Array2;

use crate::wire::{Value, WireError, read_reply};

/// A plan, and what it took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServedPlan {
    /// Actions from now on, raw units, `[n, action_dim]`.
    pub actions: Array2<f64>,
    /// The episode's seed.
    pub seed: u64,
    /// The plan's number in its episode.
    pub plan: u64,
    /// Calls of the network.
    pub rounds: usize,
    /// Rows in them.
    pub evaluations: usize,
    /// How far the plan moved in its last round, where the deadline cut it short.
    pub residual: Option<f64>,
    /// From the observation's arrival at the server to the plan, in milliseconds.
    pub infer_ms: f64,
}

impl ServedPlan {
    /// Reads a server's answer.
    pub(super) fn read(answer: &[u8]) -> Result<Self, WireError> {
        let mut plan = Self::default();
        read_reply(answer, &mut |key, value| {
            match (key, value) {
                ("actions", Value::Array(array)) => {
                    if let &[rows, columns] = array.shape() {
                        let numbers = array.numbers().collect();
                        plan.actions = Array2::from_shape_vec((rows, columns), numbers).unwrap_or_default();
                    }
                }
                ("parapolicy/seed", Value::Integer(seed)) => plan.seed = u64::try_from(seed).unwrap_or(0),
                ("parapolicy/plan", Value::Integer(number)) => plan.plan = u64::try_from(number).unwrap_or(0),
                ("parapolicy/rounds", Value::Integer(rounds)) => plan.rounds = usize::try_from(rounds).unwrap_or(0),
                ("parapolicy/evaluations", Value::Integer(rows)) => {
                    plan.evaluations = usize::try_from(rows).unwrap_or(0);
                }
                ("parapolicy/residual", Value::Number(residual)) => plan.residual = Some(residual),
                ("server_timing/infer_ms", Value::Number(time)) => plan.infer_ms = time,
                _ => {}
            }
            Ok::<_, WireError>(())
        })?;
        Ok(plan)
    }
}
