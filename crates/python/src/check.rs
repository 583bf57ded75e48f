//! What plans have to keep before any of them is sent, from a dictionary.

use numpy::PyArray2;
use parapolicy_control::check::{Failing, PlanCheck, Predicate, Region, Rejection};
use parapolicy_control::seconds;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;

/// Reads a check; nothing is asked of plans where there is none.
pub fn check(given: Option<&Bound<'_, PyDict>>) -> Result<PlanCheck, Failure> {
    let mut check = PlanCheck::default();
    for (name, value) in given.into_iter().flatten() {
        match name.extract::<String>()?.as_str() {
            "min" => check.bounds.min = value.extract()?,
            "max" => check.bounds.max = value.extract()?,
            "step" => check.bounds.step = value.extract()?,
            "velocity" => check.bounds.velocity = value.extract()?,
            "acceleration" => check.bounds.acceleration = value.extract()?,
            "jerk" => check.bounds.jerk = value.extract()?,
            "state" => check.state = value.extract()?,
            "regions" => check.regions = value.extract::<Vec<_>>()?.into_iter().map(region).collect(),
            "refine" => {
                let within = value.extract::<Option<f64>>()?;
                check.refine = within.map(|within| seconds("refine", within)).transpose()?;
            }
            "failing" => check.failing = failing(&value.extract::<String>()?)?,
            "predicate" => check.predicate = Some(predicate(value)?),
            other => return Err(PyTypeError::new_err(format!("check: unexpected key '{other}'")).into()),
        }
    }
    Ok(check)
}

fn region((first, centre, radius): (usize, Vec<f64>, f64)) -> Region {
    Region { first, centre, radius }
}

fn failing(name: &str) -> PyResult<Failing> {
    match name {
        "refuse" => Ok(Failing::Refuse),
        "cut" => Ok(Failing::Cut),
        _ => Err(PyValueError::new_err(format!("check: failing: `{name}` is not known; use refuse, cut"))),
    }
}

/// A callable that takes a plan, `[n, action_dim]`, and returns None, or `(step, why)` of the first action that may not be sent.
/// An exception is that of the first action.
fn predicate(look: Bound<'_, PyAny>) -> PyResult<Predicate> {
    if !look.is_callable() {
        return Err(PyTypeError::new_err("check: predicate must be callable"));
    }
    let look = look.unbind();
    Ok(Predicate::new(move |plan| {
        Python::attach(|py| {
            let said = look.call1(py, (PyArray2::from_array(py, &plan),));
            match said.and_then(|said| said.extract::<Option<(usize, String)>>(py)) {
                Ok(None) => Ok(()),
                Ok(Some((step, why))) if step < plan.nrows() => Err(Rejection { step, why }),
                Ok(Some(_)) => Ok(()),
                Err(error) => Err(Rejection { step: 0, why: format!("the predicate raised {error}") }),
            }
        })
    }))
}
