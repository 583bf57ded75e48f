use numpy::{IntoPyArray as _, PyArray1, PyArray3, PyArrayMethods as _};
use parapolicy_pusht::{self as pusht, Outcome, ResetOrder, Snapshot};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::tables::{self, Tables};

/// PushT's table: what `parapolicy/PushT-v0` is made of. Arrays are float64, px and rad, unless said otherwise.
#[pyclass(frozen, module = "parapolicy._native")]
pub struct World {
    tables: Tables,
    index: usize,
}

#[pymethods]
impl World {
    #[new]
    fn new() -> Result<Self, Failure> {
        Ok(Self { tables: Tables::new(1)?, index: 0 })
    }

    /// Puts everything where `[agent x, agent y, block x, block y, block angle]` says in gym-pusht's legacy order, which
    /// moves the block; the agent rests.
    fn reset(&self, state: [f64; 5]) -> Result<(), Failure> {
        self.with(|world| Ok(world.set_state(&ResetOrder::Legacy.apply(state))?))
    }

    /// Puts everything where `[agent x, agent y, block x, block y, block angle]` says; the agent rests.
    fn put(&self, state: [f64; 5]) -> Result<(), Failure> {
        self.with(|world| Ok(world.set_state(&ResetOrder::Plain.apply(state))?))
    }

    /// Moves the world by a control step of 0.1 s with the agent drawn to `action`; returns reward, coverage and whether
    /// the block has arrived.
    fn step(&self, action: [f64; 2]) -> Result<(f64, f64, bool), Failure> {
        let Outcome { reward, coverage, success } = self.with(|world| Ok(world.step(action)?))?;
        Ok((reward, coverage, success))
    }

    /// All that the world remembers between control steps, eight numbers: the agent's x and y, its velocity (px/s), x and y
    /// of the block's centre of gravity, the block's angle (not wrapped), and whether the block touched something.
    fn snapshot<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        Ok(PyArray1::from_slice(py, &self.with(|world| Ok(world.snapshot().to_array()))?))
    }

    /// Puts the world back, bit for bit, to where `snapshot` was taken.
    fn restore(&self, snapshot: [f64; 8]) -> Result<(), Failure> {
        let snapshot = Snapshot::from_array(snapshot)?;
        self.with(|world| {
            world.restore(&snapshot);
            Ok(())
        })
    }

    fn __getstate__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.snapshot(py)
    }

    fn __setstate__(&self, snapshot: [f64; 8]) -> Result<(), Failure> {
        self.restore(snapshot)
    }

    /// `[agent x, agent y, block x, block y, block angle]`, the angle in [0, 2π).
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, |world| world.state().to_array())
    }

    /// x and y of the eight corners of the block's two rectangles.
    #[getter]
    fn vertices<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, vertices)
    }

    /// x and y of nine points of the block, then of the agent.
    #[getter]
    fn keypoints<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, |world| world.state().keypoints())
    }

    /// The agent's x and y.
    #[getter]
    fn agent_position<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, |world| world.agent().position.into())
    }

    /// The agent's velocity, px/s.
    #[getter]
    fn agent_velocity<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, |world| world.agent().velocity.into())
    }

    /// The block's x, y and angle, the angle not wrapped.
    #[getter]
    fn block_pose<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        self.row(py, block_pose)
    }

    /// 1 if the block touched anything in the last control step, else 0: what gym-pusht's average of contact points
    /// comes to.
    #[getter]
    fn contacts(&self) -> Result<usize, Failure> {
        self.with(|world| Ok(world.touched().into()))
    }

    /// The table drawn, uint8 `[height, width, 3]`.
    fn pixels<'py>(&self, py: Python<'py>, width: u32, height: u32) -> Result<Bound<'py, PyArray3<u8>>, Failure> {
        let state = self.with(|world| Ok(world.state()))?;
        let rgb = py.detach(|| tables::pixels(&mut [state], width, height))?;
        Ok(rgb.into_pyarray(py).reshape([height as usize, width as usize, 3])?)
    }

    fn __repr__(&self) -> Result<String, Failure> {
        let (state, velocity) = self.with(|world| Ok((world.state().to_array(), world.agent().velocity)))?;
        Ok(format!("World(state={state:?}, agent_velocity=[{:?}, {:?}])", velocity.x, velocity.y))
    }
}

impl World {
    /// The table `index` of several.
    pub fn of(tables: Tables, index: usize) -> Self {
        Self { tables, index }
    }

    fn with<T>(&self, act: impl FnOnce(&mut pusht::World) -> Result<T, Failure>) -> Result<T, Failure> {
        act(&mut self.tables.lock()?[self.index])
    }

    fn row<'py, const N: usize>(
        &self,
        py: Python<'py>,
        row: impl FnOnce(&pusht::World) -> [f64; N],
    ) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        Ok(PyArray1::from_slice(py, &self.with(|world| Ok(row(world)))?))
    }
}

pub fn block_pose(world: &pusht::World) -> [f64; 3] {
    let pusht::geometry::Pose { position, angle } = world.state().block;
    [position.x, position.y, angle]
}

pub fn vertices(world: &pusht::World) -> [f64; 16] {
    let vertices = world.state().vertices();
    std::array::from_fn(|i| vertices[i])
}
