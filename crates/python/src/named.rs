//! Observations as one array, or as a dictionary of arrays by the names of the policy's entries.

use std::ops::Range;

use ndarray::{Array1, Array2, Array3, ArrayViewD, Axis, s};
use numpy::{AllowTypeChange, PyArrayLike1, PyArrayLike2, PyArrayLike3, PyArrayLikeDyn};
use parapolicy_policy::{Entry, EntryError, ImageAxes, Layout, Manifest};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

/// One observation, `[observation_dim]`.
pub fn one(manifest: &Manifest, given: &Bound<'_, PyAny>) -> PyResult<Array1<f64>> {
    let Some(named) = by_name(given)? else {
        return Ok(given.extract::<PyArrayLike1<'_, f64, AllowTypeChange>>().map_err(no_array)?.as_array().to_owned());
    };
    let mut observation = Array1::zeros(manifest.observation_dim());
    fill(manifest, &named, &[], |place, values| {
        observation.slice_mut(s![place]).iter_mut().zip(&values).for_each(|(to, from)| *to = *from);
    })?;
    Ok(observation)
}

/// Those that a plan is drawn for, `[n_obs_steps, observation_dim]`.
pub fn several(manifest: &Manifest, given: &Bound<'_, PyAny>) -> PyResult<Array2<f64>> {
    let Some(named) = by_name(given)? else {
        return Ok(given.extract::<PyArrayLike2<'_, f64, AllowTypeChange>>().map_err(no_array)?.as_array().to_owned());
    };
    let rows = manifest.n_obs_steps;
    let mut observations = Array2::zeros((rows, manifest.observation_dim()));
    fill(manifest, &named, &[rows], |place, values| {
        observations.slice_mut(s![.., place]).iter_mut().zip(&values).for_each(|(to, from)| *to = *from);
    })?;
    Ok(observations)
}

/// Those of several plans, `[plans, n_obs_steps, observation_dim]`.
pub fn of_plans(manifest: &Manifest, given: &Bound<'_, PyAny>, plans: usize) -> PyResult<Array3<f64>> {
    let Some(named) = by_name(given)? else {
        return Ok(given.extract::<PyArrayLike3<'_, f64, AllowTypeChange>>().map_err(no_array)?.as_array().to_owned());
    };
    let rows = manifest.n_obs_steps;
    let mut observations = Array3::zeros((0, rows, manifest.observation_dim()));
    fill(manifest, &named, &[plans, rows], |place, values| {
        if observations.len_of(Axis(0)) != plans {
            // After the first array was found to have as many.
            observations = Array3::zeros((plans, rows, manifest.observation_dim()));
        }
        observations.slice_mut(s![.., .., place]).iter_mut().zip(&values).for_each(|(to, from)| *to = *from);
    })?;
    Ok(observations)
}

/// The dictionary, if it is one.
fn by_name<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    if let Ok(dictionary) = given.cast::<PyDict>() {
        return Ok(Some(dictionary.clone()));
    }
    let Ok(mapping) = given.cast::<PyMapping>() else { return Ok(None) };
    let dictionary = PyDict::new(given.py());
    dictionary.update(mapping)?;
    Ok(Some(dictionary))
}

/// Hands over the numbers of every entry, whose array has the axes `before` and then those of the entry, which may be flat.
fn fill(
    manifest: &Manifest,
    named: &Bound<'_, PyDict>,
    before: &[usize],
    mut put: impl FnMut(Range<usize>, ArrayViewD<'_, f64>),
) -> PyResult<()> {
    for key in named.keys() {
        let name: String = key.extract().map_err(|_| PyTypeError::new_err("observation: its keys must be texts"))?;
        manifest.observation_entry(&name).map_err(|error| wrong(&error))?;
    }
    for (entry, place) in manifest.observation_entries() {
        let name = &entry.name;
        let value = named.get_item(name)?.ok_or_else(|| wrong(&EntryError::Missing { name: name.clone() }))?;
        let array = numbers(name, &value)?;
        check(entry, array.as_array().shape(), before)?;
        put(place, array.as_array());
    }
    Ok(())
}

/// The numbers of an entry, in whatever order they lie.
pub fn numbers<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<PyArrayLikeDyn<'py, f64, AllowTypeChange>> {
    value
        .extract::<PyArrayLikeDyn<'_, f64, AllowTypeChange>>()
        .map_err(|error| PyTypeError::new_err(format!("observation: `{name}` is no array of numbers: {error}")))
}

/// An array of an entry in its order: of its shape or flat, or an image with the channels last.
pub fn arranged<'a, T>(entry: &Entry, values: ArrayViewD<'a, T>) -> PyResult<ArrayViewD<'a, T>> {
    let moved = ImageAxes::new(&entry.shape, Layout::Hwc).ok().filter(ImageAxes::is_moved);
    if moved.is_some_and(|axes| *values.shape() == axes.shape() && *values.shape() != *entry.shape) {
        return Ok(values.permuted_axes(vec![2, 0, 1]));
    }
    check(entry, values.shape(), &[])?;
    Ok(values)
}

fn check(entry: &Entry, found: &[usize], before: &[usize]) -> PyResult<()> {
    let whole = [before, &entry.shape].concat();
    let flat = [before, &[entry.len()]].concat();
    if *found == whole || *found == flat {
        return Ok(());
    }
    let name = &entry.name;
    Err(PyValueError::new_err(format!("observation: `{name}` has shape {found:?}, but must have {whole:?}")))
}

/// Python's own words say what it is in place of an array, or how many axes it has.
fn no_array(error: PyErr) -> PyErr {
    PyTypeError::new_err(format!("observation: {error}"))
}

fn wrong(error: &EntryError) -> PyErr {
    PyValueError::new_err(format!("observation: {error}"))
}
