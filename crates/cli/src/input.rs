//! What `sample` reads.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use ndarray::{Array, Array2, Array3, Dimension, Ix2, Ix3};
use ndarray_npy::{NpzReader, ReadNpzError};
use parapolicy_sampler::Noise;

/// An observation, and the noise to start from where it is given.
#[derive(Debug)]
pub struct PlanInput {
    /// `[n_obs_steps, observation_dim]`, raw units.
    pub observation: Array2<f64>,
    initial_noise: Option<Array2<f64>>,
    step_noise: Option<Array3<f64>>,
}

impl PlanInput {
    /// Reads `observation`, `initial_noise` and `step_noise` from an `.npz`.
    pub fn load(path: &Path) -> Result<Self> {
        let load = || {
            let mut file = NpzReader::new(BufReader::new(File::open(path)?)).context("not an .npz file")?;
            Ok(Self {
                observation: array::<Ix2>(&mut file, "observation")?
                    .context("no array named `observation` [n_obs_steps, observation_dim]")?,
                initial_noise: array::<Ix2>(&mut file, "initial_noise")?,
                step_noise: array::<Ix3>(&mut file, "step_noise")?,
            })
        };
        load().map_err(|error: anyhow::Error| error.context(path.display().to_string()))
    }

    /// The noise that is given, the rest taken from `drawn`.
    pub fn noise(&self, drawn: &Noise, horizon: usize, action_dim: usize) -> Result<Noise> {
        let (steps, dim) = drawn.steps().dim();
        let mut initial = drawn.initial().to_owned();
        if let Some(given) = &self.initial_noise {
            ensure_shape("initial_noise", given.shape(), &[horizon, action_dim])?;
            initial = given.mapv(|value| value as f32).into_shape_with_order(dim)?;
        }
        let mut every_step = drawn.steps().to_owned();
        if let Some(given) = &self.step_noise {
            ensure_shape("step_noise", given.shape(), &[steps, horizon, action_dim])?;
            every_step = given.mapv(|value| value as f32).into_shape_with_order((steps, dim))?;
        }
        Ok(Noise::from_parts(initial, every_step)?)
    }
}

fn ensure_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    ensure!(found == expected, "`{name}` has shape {found:?}, but the policy and --steps ask for {expected:?}");
    Ok(())
}

/// An array of floats of either precision; none if the file has none of that name.
fn array<D: Dimension>(file: &mut NpzReader<BufReader<File>>, name: &str) -> Result<Option<Array<f64, D>>> {
    if !file.names()?.iter().any(|found| found == name) {
        return Ok(None);
    }
    let double = match file.by_name::<ndarray::OwnedRepr<f64>, D>(name) {
        Err(ReadNpzError::Npy(_)) => {
            let single = file.by_name::<ndarray::OwnedRepr<f32>, D>(name);
            single.map(|array| array.mapv(f64::from))
        }
        other => other,
    };
    double.map(Some).map_err(|error| {
        anyhow!("`{name}` is not a float32 or float64 array of {} dimensions: {error}", D::NDIM.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use ndarray_npy::NpzWriter;

    use super::*;

    fn written(fill: impl FnOnce(&mut NpzWriter<File>)) -> tempfile::TempPath {
        let file = tempfile::Builder::new().suffix(".npz").tempfile().unwrap();
        let mut npz = NpzWriter::new(file.reopen().unwrap());
        fill(&mut npz);
        npz.finish().unwrap();
        file.into_temp_path()
    }

    fn refused(fill: impl FnOnce(&mut NpzWriter<File>)) -> String {
        format!("{:#}", PlanInput::load(&written(fill)).unwrap_err())
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
        let noise = input.noise(&drawn, 2, 1).unwrap();
        assert_eq!(noise.initial(), array![0.25, 0.5]);
        assert_eq!(noise.steps(), drawn.steps());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(refused(|_| {}).ends_with("no array named `observation` [n_obs_steps, observation_dim]"));
        let integers = refused(|npz| npz.add_array("observation", &array![[1i64]]).unwrap());
        assert!(integers.contains("`observation` is not a float32 or float64 array of 2 dimensions"), "{integers}");
        let flat = refused(|npz| npz.add_array("observation", &Array1::<f64>::zeros(40)).unwrap());
        assert!(flat.contains("`observation` is not a float32 or float64 array of 2 dimensions"), "{flat}");

        let path = written(|npz| {
            npz.add_array("observation", &array![[1.0]]).unwrap();
            npz.add_array("initial_noise", &array![[0.0, f64::NAN]]).unwrap();
        });
        let input = PlanInput::load(&path).unwrap();
        let shape = input.noise(&Noise::draw(0, 3, 2), 2, 1).unwrap_err().to_string();
        assert_eq!(shape, "`initial_noise` has shape [1, 2], but the policy and --steps ask for [2, 1]");
        assert!(input.noise(&Noise::draw(0, 3, 2), 1, 2).unwrap_err().to_string().contains("initial_noise"));
    }

    #[test]
    fn a_foreign_or_missing_file_is_named() {
        let foreign = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&foreign, "no archive").unwrap();
        assert!(format!("{:#}", PlanInput::load(foreign.path()).unwrap_err()).contains("not an .npz file"));
        let missing = format!("{:#}", PlanInput::load(Path::new("nowhere.npz")).unwrap_err());
        assert!(missing.starts_with("nowhere.npz: "), "{missing}");
    }
}
