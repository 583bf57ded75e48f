use ndarray::Array2;
use numpy::{AllowTypeChange, IntoPyArray as _, PyArray1, PyArray2, PyArray4, PyArrayLike2, PyArrayMethods as _};
use parapolicy_pusht::{self as pusht, Snapshot};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::tables::{self, Tables};
use crate::world::{World, block_pose, vertices};

/// Many of PushT's tables, stepped together on every core: [`World`] with a first axis of `count`.
#[pyclass(frozen, module = "parapolicy._native")]
pub struct Worlds {
    tables: Tables,
    count: usize,
}

/// For every table one number.
type Numbers<'py, T> = Bound<'py, PyArray1<T>>;

/// For every table a row of numbers.
type Rows<'py> = Result<Bound<'py, PyArray2<f64>>, Failure>;

/// Rewards, coverages, and which blocks have arrived.
type Outcomes<'py> = (Numbers<'py, f64>, Numbers<'py, f64>, Numbers<'py, bool>);

#[pymethods]
impl Worlds {
    #[new]
    fn new(py: Python<'_>, count: usize) -> Result<Self, Failure> {
        Ok(Self { tables: py.detach(|| Tables::new(count))?, count })
    }

    /// One of the tables: what becomes of it here becomes of it there.
    fn table(&self, index: usize) -> Result<World, Failure> {
        if index >= self.count {
            let problem = format!("there is no table {index}: they are numbered from 0, and there are {}", self.count);
            return Err(PyIndexError::new_err(problem).into());
        }
        Ok(World::of(self.tables.clone(), index))
    }

    /// Steps every table, `actions` `[count, 2]`; returns rewards, coverages and which blocks have arrived. Nothing moves
    /// if an action is refused, or on Ctrl-C.
    fn step<'py>(
        &self,
        py: Python<'py>,
        actions: PyArrayLike2<'py, f64, AllowTypeChange>,
    ) -> Result<Outcomes<'py>, Failure> {
        let actions = self.rows(&actions, "actions")?;
        let mut tables = self.tables.lock()?;
        let outcomes = {
            let tables = &mut tables[..];
            py.detach(|| tables::step(tables, &actions))?
        };
        let outcomes = || outcomes.iter();
        Ok((
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.reward)),
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.coverage)),
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.success)),
        ))
    }

    /// See `World.snapshot`.
    fn snapshot<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, |world| world.snapshot().to_array())
    }

    /// See `World.restore`. All tables stay as they are if one of the snapshots is refused.
    fn restore(&self, snapshots: PyArrayLike2<'_, f64, AllowTypeChange>) -> Result<(), Failure> {
        let snapshots = self.rows(&snapshots, "snapshots")?;
        let snapshots: Vec<Snapshot> = snapshots.into_iter().map(Snapshot::from_array).collect::<Result<_, _>>()?;
        self.tables.lock()?.iter_mut().zip(&snapshots).for_each(|(world, snapshot)| world.restore(snapshot));
        Ok(())
    }

    fn __getnewargs__(&self) -> (usize,) {
        (self.count,)
    }

    fn __getstate__<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.snapshot(py)
    }

    fn __setstate__(&self, snapshots: PyArrayLike2<'_, f64, AllowTypeChange>) -> Result<(), Failure> {
        self.restore(snapshots)
    }

    /// See `World.state`.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, |world| world.state().to_array())
    }

    /// See `World.vertices`.
    #[getter]
    fn vertices<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, vertices)
    }

    /// See `World.keypoints`.
    #[getter]
    fn keypoints<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, |world| world.state().keypoints())
    }

    /// See `World.agent_position`.
    #[getter]
    fn agent_position<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, |world| world.agent().position.into())
    }

    /// See `World.agent_velocity`.
    #[getter]
    fn agent_velocity<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, |world| world.agent().velocity.into())
    }

    /// See `World.block_pose`.
    #[getter]
    fn block_pose<'py>(&self, py: Python<'py>) -> Rows<'py> {
        self.each(py, block_pose)
    }

    /// See `World.contacts`.
    #[getter]
    fn contacts<'py>(&self, py: Python<'py>) -> Result<Numbers<'py, i64>, Failure> {
        Ok(PyArray1::from_iter(py, self.tables.lock()?.iter().map(|world| world.touched().into())))
    }

    /// See `World.pixels`.
    fn pixels<'py>(&self, py: Python<'py>, width: u32, height: u32) -> Result<Bound<'py, PyArray4<u8>>, Failure> {
        let mut states: Vec<_> = self.tables.lock()?.iter().map(pusht::World::state).collect();
        let pixels = py.detach(|| tables::pixels(&mut states, width, height))?;
        Ok(pixels.into_pyarray(py).reshape([self.count, height as usize, width as usize, 3])?)
    }

    fn __repr__(&self) -> String {
        format!("Worlds({})", self.count)
    }
}

impl Worlds {
    fn each<'py, const N: usize>(&self, py: Python<'py>, row: impl Fn(&pusht::World) -> [f64; N]) -> Rows<'py> {
        let rows: Vec<[f64; N]> = self.tables.lock()?.iter().map(row).collect();
        Ok(Array2::from(rows).into_pyarray(py))
    }

    /// The rows of an array that must be `[count, N]`.
    fn rows<const N: usize>(
        &self,
        array: &PyArrayLike2<'_, f64, AllowTypeChange>,
        name: &str,
    ) -> Result<Vec<[f64; N]>, Failure> {
        let array = array.as_array();
        if array.dim() != (self.count, N) {
            let problem = format!("{name} have the shape {:?}, but must have {:?}", array.dim(), (self.count, N));
            return Err(PyValueError::new_err(problem).into());
        }
        Ok(array.rows().into_iter().map(|row| std::array::from_fn(|i| row[i])).collect())
    }
}

/// Reads an action as `World.step` does.
#[pyfunction]
pub fn read_action(action: [f64; 2]) -> (f64, f64) {
    action.into()
}
