//! Values in Python's words.

use pyo3::BoundObject as _;
use pyo3::prelude::*;

/// `repr(value)`: `None`, `True`, and quotes as Python has them.
pub fn repr<'py>(py: Python<'py>, value: impl IntoPyObject<'py>) -> PyResult<String> {
    let object = value.into_pyobject(py).map_err(Into::into)?.into_any().into_bound();
    Ok(object.repr()?.to_cow()?.into_owned())
}
