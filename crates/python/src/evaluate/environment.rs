//! An environment of Python, as the loops see it.

use std::time::Duration;

use ndarray::{Array1, ArrayView1, ArrayViewMut1};
use numpy::{PyArray1, PyReadonlyArray1};
use parapolicy_control::{BoxError, Environment, Outcome};
use parapolicy_policy::Manifest;
use pyo3::prelude::*;

use super::film::Film;

/// `parapolicy.adapter.Member`: it maps the environment's observations and actions by name, and refuses what does not fit.
pub struct PyEnvironment {
    member: Py<PyAny>,
    action_dim: usize,
    period: Duration,
    observation: Array1<f64>,
    film: Film,
    /// Whether the episode is filmed.
    is_filmed: bool,
    /// The newest picture.
    picture: Option<usize>,
}

impl PyEnvironment {
    pub fn new(member: Py<PyAny>, manifest: &Manifest, period: Duration, film: Film) -> Self {
        let observation = Array1::zeros(manifest.observation_dim());
        Self { member, action_dim: manifest.action_dim(), period, observation, film, is_filmed: false, picture: None }
    }

    /// Calls a method that returns an observation, or a tuple that begins with one.
    fn take(&mut self, py: Python<'_>, observation: &Bound<'_, PyAny>) -> PyResult<()> {
        let seen: PyReadonlyArray1<'_, f64> = observation.extract()?;
        let seen = seen.as_array();
        if seen.len() != self.observation.len() {
            let problem = format!("an observation has {} numbers, not {}", seen.len(), self.observation.len());
            return Err(pyo3::exceptions::PyValueError::new_err(problem));
        }
        self.observation.assign(&seen);
        if self.is_filmed {
            let picture = self.member.bind(py).call_method0("picture")?;
            self.picture = Some(self.film.take(picture.extract()?));
        }
        Ok(())
    }
}

impl Environment for PyEnvironment {
    fn observation_dim(&self) -> usize {
        self.observation.len()
    }

    fn action_dim(&self) -> usize {
        self.action_dim
    }

    fn period(&self) -> Duration {
        self.period
    }

    fn resting_action(&self) -> Array1<f64> {
        // The member has been asked before the first episode whether it knows one.
        Python::attach(|py| {
            let rest = self.member.bind(py).call_method0("resting").and_then(|rest| rest.extract::<Vec<f64>>());
            rest.map_or_else(|_| Array1::from_elem(self.action_dim, f64::NAN), Array1::from_vec)
        })
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        self.is_filmed = self.film.begin(seed);
        Python::attach(|py| {
            let observation = self.member.bind(py).call_method1("reset", (seed,))?;
            self.take(py, &observation)
        })?;
        Ok(())
    }

    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        observation.assign(&self.observation);
        Ok(())
    }

    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        let (reward, success, over) = Python::attach(|py| {
            let action = PyArray1::from_iter(py, action.iter().copied());
            let answer = self.member.bind(py).call_method1("step", (action,))?;
            let (observation, reward, success, over): (Bound<'_, PyAny>, f64, bool, bool) = answer.extract()?;
            self.take(py, &observation)?;
            Ok::<_, PyErr>((reward, success, over))
        })?;
        Ok(Outcome { reward, success, over, violation: 0.0 })
    }

    /// The number of the newest picture.
    fn scene(&self, numbers: &mut Vec<f64>) {
        numbers.extend(self.picture.filter(|_| self.is_filmed).map(|index| index as f64));
    }
}
