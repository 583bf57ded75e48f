//! Code of the user's that looks at a plan.

use std::fmt;
use std::sync::Arc;

use ndarray::ArrayView2;

use super::{Rule, Violation};

/// What the user's code has against a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The first action that may not be sent.
    pub step: usize,
    /// Why, in the user's words.
    pub why: String,
}

type Look = dyn Fn(ArrayView2<'_, f64>) -> Result<(), Rejection> + Send + Sync;

/// Code of the user's that looks at a plan, `[n, action_dim]`, before any of it is sent. It is called in the worker's thread, may
/// take its time, which counts as the plan's, and if it panics the plan is not used.
#[derive(Clone)]
pub struct Predicate(Arc<Look>);

impl Predicate {
    /// Makes a predicate of a closure.
    pub fn new(look: impl Fn(ArrayView2<'_, f64>) -> Result<(), Rejection> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    pub(super) fn find(&self, plan: ArrayView2<'_, f64>) -> Option<Violation> {
        let Rejection { step, why } = (self.0)(plan).err()?;
        Some(Violation { step, entry: why, rule: Rule::Predicate, value: f64::NAN, limit: f64::NAN })
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

/// The same closure.
impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
