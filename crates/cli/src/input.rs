//! What `sample` and `bench` read.

pub mod samples;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use ndarray::{Array2, Array3, Axis, Ix2, Ix3, IxDyn};
use parapolicy_npz::{Npz, NpzError};
use parapolicy_sampler::{Noise, Table};

/// An observation, and the noise to start from where it is given.
#[derive(Debug)]
pub struct PlanInput {
    /// `[n_obs_steps, observation_dim]`, raw units.
    pub observation: Array2<f64>,
    initial_noise: Option<Array2<f64>>,
    step_noise: Option<Array3<f64>>,
}

/// Reads what a policy plans for: `observation [n_obs_steps, observation_dim]`, or several, `[n, n_obs_steps, observation_dim]`.
pub fn observations(path: &Path) -> Result<Vec<Array2<f64>>> {
    let given = Npz::open(path)?.numbers::<IxDyn>("observation")?;
    let given = match given.ndim() {
        2 => given.insert_axis(Axis(0)),
        3 => given,
        _ => bail!(
            "`observation` has shape {:?}, but must be [n_obs_steps, observation] or [n, n_obs_steps, observation]",
            given.shape()
        ),
    };
    ensure!(given.len_of(Axis(0)) > 0, "`observation` is empty");
    given.outer_iter().map(|one| Ok(one.to_owned().into_dimensionality::<Ix2>()?)).collect()
}

impl PlanInput {
    /// Reads `observation`, `initial_noise` and `step_noise` from an `.npz`.
    pub fn load(path: &Path) -> Result<Self, NpzError> {
        let mut npz = Npz::open(path)?;
        Ok(Self {
            observation: npz.numbers::<Ix2>("observation")?,
            initial_noise: npz.contains("initial_noise").then(|| npz.numbers::<Ix2>("initial_noise")).transpose()?,
            step_noise: npz.contains("step_noise").then(|| npz.numbers::<Ix3>("step_noise")).transpose()?,
        })
    }

    /// Refuses noise, which is that of one plan, where several are drawn.
    pub fn ensure_no_noise(&self) -> Result<()> {
        let given = [("initial_noise", self.initial_noise.is_some()), ("step_noise", self.step_noise.is_some())];
        if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
            bail!("`{name}` is the noise of one plan, but --count draws several from seeds");
        }
        Ok(())
    }

    /// The noise that is given, the rest taken from `drawn`. Noise for another number of steps is left out where steps draw
    /// none: the same file goes with every solver.
    pub fn noise(&self, table: &Table, drawn: &Noise, horizon: usize, plan_dim: usize) -> Result<Noise> {
        let (steps, dim) = drawn.steps().dim();
        let mut initial = drawn.initial().to_owned();
        if let Some(given) = &self.initial_noise {
            ensure_shape("initial_noise", given.shape(), &[horizon, plan_dim])?;
            initial = given.iter().map(|&value| value as f32).collect();
        }
        let mut every_step = drawn.steps().to_owned();
        let expected = [steps, horizon, plan_dim];
        let is_drawn = table.rows().iter().any(|row| row.noise != 0.0);
        if let Some(given) = self.step_noise.as_ref().filter(|given| is_drawn || *given.shape() == expected) {
            ensure_shape("step_noise", given.shape(), &expected)?;
            let values = given.iter().map(|&value| value as f32).collect();
            every_step = Array2::from_shape_vec((steps, dim), values)?;
        }
        Ok(Noise::from_parts(initial, every_step)?)
    }
}

fn ensure_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    ensure!(found == expected, "`{name}` has shape {found:?}, but the policy and --steps ask for {expected:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use ndarray::array;
    use ndarray_npy::NpzWriter;
    use parapolicy_sampler::{SchedulerConfig, Solver};

    use super::*;

    /// Of three steps.
    fn table(solver: Solver) -> Table {
        Table::new(&SchedulerConfig::default(), solver, 3).unwrap()
    }

    fn written(fill: impl FnOnce(&mut NpzWriter<File>)) -> tempfile::TempPath {
        let file = tempfile::Builder::new().suffix(".npz").tempfile().unwrap();
        let mut npz = NpzWriter::new(file.reopen().unwrap());
        fill(&mut npz);
        npz.finish().unwrap();
        file.into_temp_path()
    }

    #[test]
    fn both_precisions_are_read() {
        let path = written(|npz| {
            npz.add_array("observation", &array![[1.5f32, 2.5]]).unwrap();
            npz.add_array("initial_noise", &array![[0.25f64], [0.5]]).unwrap();
        });
        let input = PlanInput::load(&path).unwrap();
        assert_eq!(input.observation, array![[1.5, 2.5]]);
        let drawn = Noise::draw(0, 3, 2);
        let noise = input.noise(&table(Solver::Ddpm), &drawn, 2, 1).unwrap();
        assert_eq!(noise.initial(), array![0.25, 0.5]);
        assert_eq!(noise.steps(), drawn.steps());
    }

    /// NumPy saves a transposed array in column order.
    #[test]
    fn noise_in_column_order_is_read_by_its_indices() {
        let rows = array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]];
        let path = written(|npz| {
            npz.add_array("observation", &array![[1.0]]).unwrap();
            npz.add_array("initial_noise", &rows.t()).unwrap();
        });
        let noise = PlanInput::load(&path).unwrap().noise(&table(Solver::Ddpm), &Noise::draw(0, 3, 6), 3, 2).unwrap();
        assert_eq!(noise.initial(), array![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }

    #[test]
    fn noise_for_other_steps_is_left_out_where_none_is_drawn() {
        let path = written(|npz| {
            npz.add_array("observation", &array![[1.0]]).unwrap();
            npz.add_array("step_noise", &array![[[0.5], [0.25]]]).unwrap();
        });
        let (input, drawn) = (PlanInput::load(&path).unwrap(), Noise::draw(0, 3, 2));
        let noise = input.noise(&table(Solver::Ddim { eta: 0.0 }), &drawn, 2, 1).unwrap();
        assert_eq!((noise.initial(), noise.steps()), (drawn.initial(), drawn.steps()));
        let refused = input.noise(&table(Solver::Ddpm), &drawn, 2, 1).unwrap_err().to_string();
        assert_eq!(refused, "`step_noise` has shape [1, 2, 1], but the policy and --steps ask for [3, 2, 1]");
    }

    #[test]
    fn noise_that_does_not_fit_is_named() {
        let path = written(|npz| {
            npz.add_array("observation", &array![[1.0]]).unwrap();
            npz.add_array("initial_noise", &array![[0.0, f64::NAN]]).unwrap();
        });
        let input = PlanInput::load(&path).unwrap();
        let shape = input.noise(&table(Solver::Ddpm), &Noise::draw(0, 3, 2), 2, 1).unwrap_err().to_string();
        assert_eq!(shape, "`initial_noise` has shape [1, 2], but the policy and --steps ask for [2, 1]");
        assert!(
            input
                .noise(&table(Solver::Ddpm), &Noise::draw(0, 3, 2), 1, 2)
                .unwrap_err()
                .to_string()
                .contains("initial_noise")
        );
    }
}
