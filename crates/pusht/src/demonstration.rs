//! Demonstrations: episodes driven by a person, in the format that training reads.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use nalgebra::Vector2;
use ndarray::{Array, Array1, Array2, Array3, Dimension, Ix1, Ix3};
use ndarray_npy::{NpzWriter, WriteNpzError};
use parapolicy_npz::Npz;

use crate::geometry::KEYPOINTS;
use crate::state::State;
use crate::trace::{Trace, TraceError};

/// An episode driven by a person.
///
/// In a file, beside the arrays of a [`Trace`]:
///
/// | array | shape | content |
/// |---|---|---|
/// | `keypoint` | [N, 9, 2] | the block's nine keypoints before the action of the same row, px |
/// | `seed` | \[E\], may be missing | the seed that the episode began with; −1 where it is not known |
///
/// ```
/// use nalgebra::Vector2;
/// use parapolicy_pusht::{Demonstration, DemonstrationStep, State};
///
/// let state = State::from_array([256.0, 400.0, 256.0, 300.0, 0.0]);
/// let step = DemonstrationStep::new(state, Vector2::zeros(), [256.0, 390.0], 0.3);
/// let demonstration = Demonstration { seed: Some(7), steps: vec![step] };
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("demo.npz");
/// Demonstration::save(&[demonstration.clone()], &path)?;
/// assert_eq!(Demonstration::load(&path)?, [demonstration]);
/// assert!(Demonstration::save(&[], &path).is_err(), "nothing is ever overwritten");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Demonstration {
    /// The seed that the episode began with, if it is known.
    pub seed: Option<u32>,
    /// At least one.
    pub steps: Vec<DemonstrationStep>,
}

/// A control step of a [`Demonstration`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DemonstrationStep {
    /// Where everything was.
    pub state: State,
    /// The block's [`KEYPOINTS`] on the table, px.
    pub keypoints: [[f64; 2]; 9],
    /// The agent's velocity, px/s, if it was recorded.
    pub agent_velocity: Option<Vector2<f64>>,
    /// The agent's target, px.
    pub action: [f64; 2],
    /// Reward of the action, if it was recorded.
    pub reward: Option<f64>,
}

impl DemonstrationStep {
    /// Of a world without noise.
    pub fn new(state: State, agent_velocity: Vector2<f64>, action: [f64; 2], reward: f64) -> Self {
        let keypoints = state.block.place(&KEYPOINTS);
        // As it is written: the angle in [0, 2π).
        let state = State::from_array(state.to_array());
        Self { state, keypoints, agent_velocity: Some(agent_velocity), action, reward: Some(reward) }
    }
}

/// Why demonstrations were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// Only some demonstrations have an array.
    #[error("{}: would lose `{array}`, which only some of the demonstrations have: write those that have it to a file of their own", path.display())]
    Mixed {
        /// Where.
        path: PathBuf,
        /// The array.
        array: &'static str,
    },
    /// There is a file of that name.
    #[error("{} is there already, and demonstrations are never overwritten: choose another name", .0.display())]
    Exists(PathBuf),
    /// It could not be written.
    #[error("{}: could not be written: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Demonstration {
    /// All demonstrations of a file.
    ///
    /// # Errors
    /// As [`Trace::load`], and if `keypoint` is missing or has another shape.
    pub fn load(path: &Path) -> Result<Vec<Self>, TraceError> {
        let trace = Trace::load(path)?;
        let mut npz = Npz::open(path)?;
        let (rows, episodes) = (trace.rows(), trace.episodes().count());
        let keypoint = shaped::<Ix3>(&mut npz, "keypoint", &[rows, 9, 2])?;
        if let Some(at) = keypoint.iter().position(|x| !x.is_finite()) {
            return Err(npz.invalid("keypoint", format!("holds a number in row {} that is not finite", at / 18)));
        }
        let seeds = if npz.contains("seed") { Some(shaped::<Ix1>(&mut npz, "seed", &[episodes])?) } else { None };
        let step = |row| DemonstrationStep {
            state: trace.state(row),
            keypoints: std::array::from_fn(|point| std::array::from_fn(|axis| keypoint[[row, point, axis]])),
            agent_velocity: trace.agent_velocity(row),
            action: trace.action(row),
            reward: trace.reward(row),
        };
        let seed = |episode: usize| seeds.as_ref().and_then(|seeds| seed_of(seeds[episode]));
        let all = trace.episodes().enumerate();
        Ok(all.map(|(episode, rows)| Self { seed: seed(episode), steps: rows.map(step).collect() }).collect())
    }

    /// Writes demonstrations to a file that is not there yet: aside, then renamed.
    ///
    /// # Errors
    /// If only some of the demonstrations have velocities or rewards, if there is such a file, or it cannot be written;
    /// nothing is left behind.
    pub fn save(demonstrations: &[Self], path: &Path) -> Result<(), SaveError> {
        if let Some(array) = Self::mixed(demonstrations) {
            return Err(SaveError::Mixed { path: path.to_owned(), array });
        }
        parapolicy_files::create(path, |file| write(demonstrations, file).map_err(io::Error::other)).map_err(|source| {
            match source.kind() {
                io::ErrorKind::AlreadyExists => SaveError::Exists(path.to_owned()),
                _ => SaveError::Write { path: path.to_owned(), source },
            }
        })
    }

    /// Writes demonstrations to a new file in `folder`, which is made if it is not there: `demo-SEED.npz`, or if there
    /// is one, with the first free number, `demo-SEED-2.npz`. Returns its path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save_in(&self, folder: &Path) -> Result<PathBuf, SaveError> {
        std::fs::create_dir_all(folder).map_err(|source| SaveError::Write { path: folder.to_owned(), source })?;
        let seed = self.seed.map_or("unknown".to_owned(), |seed| seed.to_string());
        let mut number = 1;
        loop {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let path = folder.join(format!("demo-{seed}{suffix}.npz"));
            match Self::save(std::slice::from_ref(self), &path) {
                Err(SaveError::Exists(_)) => number += 1,
                saved => return saved.map(|()| path),
            }
        }
    }

    /// An array that only some control steps of these demonstrations have, `agent_velocity` or `reward`: a file has it of all
    /// of them, or of none.
    #[must_use]
    pub fn mixed(demonstrations: &[Self]) -> Option<&'static str> {
        type Has = fn(&DemonstrationStep) -> bool;
        let arrays: [(&str, Has); 2] =
            [("agent_velocity", |step| step.agent_velocity.is_some()), ("reward", |step| step.reward.is_some())];
        let steps = || demonstrations.iter().flat_map(|demonstration| &demonstration.steps);
        arrays.into_iter().find(|(_, has)| steps().any(has) && !steps().all(has)).map(|(array, _)| array)
    }

    /// The largest reward of a control step, if rewards were recorded.
    pub fn best_reward(&self) -> Option<f64> {
        self.steps.iter().filter_map(|step| step.reward).reduce(f64::max)
    }
}

fn shaped<D: Dimension>(npz: &mut Npz, array: &str, shape: &[usize]) -> Result<Array<f64, D>, TraceError> {
    let numbers = npz.numbers::<D>(array)?;
    if numbers.shape() == shape {
        return Ok(numbers);
    }
    Err(npz.invalid(array, format!("has shape {:?} but must have {shape:?}", numbers.shape())))
}

fn seed_of(number: f64) -> Option<u32> {
    let is_seed = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    is_seed.then_some(number as u32)
}

fn write(demonstrations: &[Demonstration], file: impl Write + Seek) -> Result<(), WriteNpzError> {
    let steps = || demonstrations.iter().flat_map(|demonstration| &demonstration.steps);
    let mut end = 0_i64;
    let ends = demonstrations.iter().map(|demonstration| {
        end += demonstration.steps.len() as i64;
        end
    });
    let mut npz = NpzWriter::new_compressed(file);
    let states: Vec<[f64; 5]> = steps().map(|step| step.state.to_array()).collect();
    let actions: Vec<[f64; 2]> = steps().map(|step| step.action).collect();
    let keypoints: Vec<[[f64; 2]; 9]> = steps().map(|step| step.keypoints).collect();
    npz.add_array("state", &Array2::from(states))?;
    npz.add_array("action", &Array2::from(actions))?;
    npz.add_array("keypoint", &Array3::from(keypoints))?;
    npz.add_array("episode_ends", &ends.collect::<Array1<i64>>())?;
    let velocities = steps().map(|step| step.agent_velocity.map(<[f64; 2]>::from));
    if let Some(velocities) = velocities.collect::<Option<Vec<_>>>() {
        npz.add_array("agent_velocity", &Array2::from(velocities))?;
    }
    if let Some(rewards) = steps().map(|step| step.reward).collect::<Option<Vec<_>>>() {
        npz.add_array("reward", &Array1::from(rewards))?;
    }
    if demonstrations.iter().any(|demonstration| demonstration.seed.is_some()) {
        let seeds = demonstrations.iter().map(|demonstration| demonstration.seed.map_or(-1, i64::from));
        npz.add_array("seed", &seeds.collect::<Array1<i64>>())?;
    }
    npz.finish()?;
    Ok(())
}
