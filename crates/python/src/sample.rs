use std::ops::Range;
use std::time::Duration;

use ndarray::Array2;
use numpy::{IntoPyArray as _, PyArray2};
use parapolicy_sampler as sampler;
use pyo3::prelude::*;
use pyo3::types::PySlice;

use crate::text;

/// A plan: actions in raw units, and what it took to draw them.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct Sample {
    /// `[horizon, action_dim]`, float64; the first action belongs to the oldest observation.
    actions: Py<PyArray2<f64>>,
    /// The rows of `actions` that are meant to be executed before the next plan, a view.
    executed: Py<PyAny>,
    /// Seconds from the observation given to the plan ready; of plans drawn together, to all of them ready.
    latency: f64,
    /// Plans that were drawn together in that time.
    together: usize,
    /// Network calls that had to wait for each other.
    rounds: usize,
    /// Rows that the network evaluated.
    evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units) if it was cut short, else None.
    residual: Option<f64>,
}

#[pymethods]
impl Sample {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shape = self.actions.bind(py).getattr("shape")?;
        let Self { latency, rounds, evaluations, residual, .. } = self;
        let residual = text::repr(py, residual)?;
        Ok(format!(
            "Sample(actions={shape}, rounds={rounds}, evaluations={evaluations}, latency={latency:.4}, residual={residual})"
        ))
    }
}

/// A [`Sample`] before Python sees it.
pub struct Drawn {
    actions: Array2<f64>,
    rounds: usize,
    evaluations: usize,
    residual: Option<f64>,
}

impl Drawn {
    pub fn new(actions: Array2<f64>, sample: sampler::Sample<'_>) -> Self {
        let sampler::Statistics { rounds, evaluations, .. } = *sample.statistics();
        Self { actions, rounds, evaluations, residual: sample.residual() }
    }

    /// Hands the actions to Python without copying them.
    pub fn into_sample(
        self,
        py: Python<'_>,
        executed: Range<usize>,
        latency: Duration,
        together: usize,
    ) -> PyResult<Sample> {
        let Self { actions, rounds, evaluations, residual } = self;
        let actions = actions.into_pyarray(py);
        let rows = PySlice::new(py, executed.start as isize, executed.end as isize, 1);
        let executed = actions.get_item(rows)?.unbind();
        let latency = latency.as_secs_f64();
        Ok(Sample { actions: actions.unbind(), executed, latency, together, rounds, evaluations, residual })
    }
}
