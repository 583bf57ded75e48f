use numpy::{IntoPyArray as _, PyArray1, PyArray3, PyArrayMethods as _};
use parapolicy_pusht::{self as pusht, Outcome, Renderer, ResetOrder};
use pyo3::prelude::*;

use crate::failure::Failure;

/// PushT's table: what `parapolicy/PushT-v0` is made of. Arrays are float64, px and rad, unless said otherwise.
#[pyclass(module = "parapolicy._native")]
pub struct World(pusht::World);

#[pymethods]
impl World {
    #[new]
    fn new() -> Self {
        Self(pusht::World::new())
    }

    /// Puts everything where `[agent x, agent y, block x, block y, block angle]` says in gym-pusht's legacy order, which
    /// moves the block; the agent rests.
    fn reset(&mut self, state: [f64; 5]) -> Result<(), Failure> {
        Ok(self.0.set_state(&ResetOrder::Legacy.apply(state))?)
    }

    /// Puts everything where `[agent x, agent y, block x, block y, block angle]` says; the agent rests.
    fn put(&mut self, state: [f64; 5]) -> Result<(), Failure> {
        Ok(self.0.set_state(&ResetOrder::Plain.apply(state))?)
    }

    /// Moves the world by a control step of 0.1 s with the agent drawn to `action`; returns reward, coverage and whether
    /// the block has arrived.
    fn step(&mut self, action: [f64; 2]) -> Result<(f64, f64, bool), Failure> {
        let Outcome { reward, coverage, success } = self.0.step(action)?;
        Ok((reward, coverage, success))
    }

    /// `[agent x, agent y, block x, block y, block angle]`, the angle in [0, 2π).
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.state().to_array())
    }

    /// x and y of the eight corners of the block's two rectangles.
    #[getter]
    fn vertices<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.state().vertices()[..16])
    }

    /// x and y of nine points of the block, then of the agent.
    #[getter]
    fn keypoints<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.state().keypoints())
    }

    /// The agent's x and y.
    #[getter]
    fn agent_position<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.0.agent().position.as_slice())
    }

    /// The agent's velocity, px/s.
    #[getter]
    fn agent_velocity<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.0.agent().velocity.as_slice())
    }

    /// The block's x, y and angle, the angle not wrapped.
    #[getter]
    fn block_pose<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &block_pose(&self.0))
    }

    /// 1 if the block touched anything in the last control step, else 0: what gym-pusht's average of contact points
    /// comes to.
    #[getter]
    fn contacts(&self) -> usize {
        self.0.touched().into()
    }

    /// The table drawn, uint8 `[height, width, 3]`.
    fn pixels<'py>(&self, py: Python<'py>, width: u32, height: u32) -> Result<Bound<'py, PyArray3<u8>>, Failure> {
        let state = self.0.state();
        let rgb = py.detach(|| Renderer::new(width, height).map(|mut table| table.draw(&state, &[]).into_rgb()))?;
        Ok(rgb.into_pyarray(py).reshape([height as usize, width as usize, 3])?)
    }
}

pub fn block_pose(world: &pusht::World) -> [f64; 3] {
    let pusht::geometry::Pose { position, angle } = world.state().block;
    [position.x, position.y, angle]
}
