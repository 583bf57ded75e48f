use ndarray::Array2;
use numpy::{AllowTypeChange, IntoPyArray as _, PyArray1, PyArray2, PyArray4, PyArrayLike2, PyArrayMethods as _};
use parapolicy_pusht::{
    self as pusht, FrameSizeError, Renderer, Reset, ResetDistribution, ResetOrder, Scenario, State, Transition,
    VectorWorld,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::failure::Failure;
use crate::world::block_pose;

/// Many of PushT's tables, stepped together on every core: [`World`](crate::world::World) with a first axis of `count`.
#[pyclass(module = "parapolicy._native")]
pub struct Worlds(VectorWorld);

/// For every table one number.
type Numbers<'py, T> = Bound<'py, PyArray1<T>>;

/// Rewards, coverages, and which blocks have arrived.
type Outcomes<'py> = (Numbers<'py, f64>, Numbers<'py, f64>, Numbers<'py, bool>);

#[pymethods]
impl Worlds {
    #[new]
    fn new(count: usize) -> Self {
        let scenario = Scenario {
            name: "parapolicy/PushT-v0".into(),
            // Python counts the steps.
            max_control_steps: Scenario::LONGEST_EPISODE,
            reset: Reset { distribution: ResetDistribution::GymPusht, order: ResetOrder::Legacy },
            kicks: Vec::new(),
            random_kicks: pusht::RandomKicks::default(),
            keep_out: Vec::new(),
            observation_noise: pusht::ObservationNoise::default(),
            action_delay: 0,
        };
        Self(VectorWorld::new(&scenario, count))
    }

    /// Resets one table; see `World.reset`.
    fn reset(&mut self, index: usize, state: [f64; 5]) -> Result<(), Failure> {
        self.0.reset_to(index, &ResetOrder::Legacy.apply(state))?;
        Ok(())
    }

    /// Steps every table, `actions` `[count, 2]`; returns rewards, coverages and which blocks have arrived. Nothing moves
    /// if an action is refused.
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        actions: PyArrayLike2<'py, f64, AllowTypeChange>,
    ) -> Result<Outcomes<'py>, Failure> {
        let actions = actions.as_array();
        if actions.ncols() != 2 {
            return Err(
                PyValueError::new_err(format!("actions have {} numbers, but must have 2", actions.ncols())).into()
            );
        }
        let actions: Vec<[f64; 2]> = actions.rows().into_iter().map(|action| [action[0], action[1]]).collect();
        let transitions = py.detach(|| self.0.step(&actions))?;
        let outcomes = || transitions.iter().map(|Transition { outcome, .. }| outcome);
        Ok((
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.reward)),
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.coverage)),
            PyArray1::from_iter(py, outcomes().map(|outcome| outcome.success)),
        ))
    }

    /// See `World.state`.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows(py, |world| world.state().to_array())
    }

    /// See `World.vertices`.
    #[getter]
    fn vertices<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows::<16>(py, |world| {
            let vertices = world.state().vertices();
            std::array::from_fn(|i| vertices[i])
        })
    }

    /// See `World.keypoints`.
    #[getter]
    fn keypoints<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows(py, |world| world.state().keypoints())
    }

    /// See `World.agent_position`.
    #[getter]
    fn agent_position<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows(py, |world| world.agent().position.into())
    }

    /// See `World.agent_velocity`.
    #[getter]
    fn agent_velocity<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows(py, |world| world.agent().velocity.into())
    }

    /// See `World.block_pose`.
    #[getter]
    fn block_pose<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.rows(py, block_pose)
    }

    /// See `World.contacts`.
    #[getter]
    fn contacts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, self.0.tasks().iter().map(|task| task.world().touched().into()))
    }

    /// See `World.pixels`.
    fn pixels<'py>(&self, py: Python<'py>, width: u32, height: u32) -> Result<Bound<'py, PyArray4<u8>>, Failure> {
        let states: Vec<_> = self.0.tasks().iter().map(|task| task.world().state()).collect();
        let pixels = py.detach(|| {
            let frame = |state: &State| Ok(Renderer::new(width, height)?.draw(state, &[]).into_rgb());
            let frames: Vec<_> = states.par_iter().map(frame).collect::<Result<_, FrameSizeError>>()?;
            Ok::<_, Failure>(frames.concat())
        })?;
        let shape = [states.len(), height as usize, width as usize, 3];
        Ok(pixels.into_pyarray(py).reshape(shape)?)
    }
}

impl Worlds {
    fn rows<'py, const N: usize>(
        &self,
        py: Python<'py>,
        row: impl Fn(&pusht::World) -> [f64; N],
    ) -> Bound<'py, PyArray2<f64>> {
        let rows: Vec<[f64; N]> = self.0.tasks().iter().map(|task| row(task.world())).collect();
        Array2::from(rows).into_pyarray(py)
    }
}
