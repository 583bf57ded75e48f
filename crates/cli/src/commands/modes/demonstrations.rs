//! What is demonstrated in situations like one.
//!
//! Situations are as far apart as their keypoints and agents are, px: the root mean square over the nine keypoints of the block and the
//! agent, over as many observations as the policy sees. The nearest control step of each demonstration counts, if it is near; what was
//! done from there on is moved by how far the agent is away.

use anyhow::{Context as _, anyhow};
use ndarray::{Array2, Array3};
use parapolicy_policy::Manifest;
use parapolicy_pusht::{Demonstration, State};

use super::situation::Situation;
use crate::args::ModesArguments;
use crate::failure::{Failure, InputError as _};

/// What is near, px.
const NEAR: f64 = 60.0;
/// Demonstrations that are needed.
const LEAST: usize = 4;
/// Demonstrations that are taken, the nearest.
const MOST: usize = 64;

/// What is demonstrated near a situation.
pub struct Near {
    pub file: String,
    /// How far each is, px, ascending.
    pub distances: Vec<f64>,
    /// The actions that are compared, `[demonstrations, actions, 2]`, raw units.
    pub actions: Array3<f64>,
}

/// Of the only situation; none if nobody asked.
pub fn load(
    arguments: &ModesArguments,
    manifest: &Manifest,
    actions: usize,
    situations: &[Situation],
) -> Result<Option<Near>, Failure> {
    let (Some(path), [situation]) = (&arguments.data, situations) else { return Ok(None) };
    let rows = situation.observation.outer_iter();
    let seen: Option<Vec<State>> = rows.map(|row| State::observed(manifest, &row.to_vec())).collect();
    let seen =
        seen.context("--data: the policy does not observe block and agent of PushT, whose demonstrations these are");
    let seen = seen.input()?;
    let demonstrations = Demonstration::load(path).input()?;
    let nearest = demonstrations.iter().filter_map(|demonstration| nearest(demonstration, &seen, actions));
    let mut nearest: Vec<(f64, Array2<f64>)> = nearest.filter(|(distance, _)| *distance <= NEAR).collect();
    nearest.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.truncate(MOST);
    if nearest.len() < LEAST {
        let (found, all) = (nearest.len(), demonstrations.len());
        return Err(anyhow!(
            "{}: {found} of {all} demonstrations come within {NEAR} px of this situation, too few to compare with",
            path.display()
        ))
        .input();
    }
    let shape = (nearest.len(), actions, 2);
    let actions = Array3::from_shape_fn(shape, |(row, action, axis)| nearest[row].1[[action, axis]]);
    let distances = nearest.iter().map(|(distance, _)| *distance).collect();
    Ok(Some(Near { file: path.display().to_string(), distances, actions }))
}

/// The control step that is most like what is seen: its distance, and the actions from there on.
fn nearest(demonstration: &Demonstration, seen: &[State], actions: usize) -> Option<(f64, Array2<f64>)> {
    let steps = &demonstration.steps;
    let seen_points: Vec<[f64; 20]> = seen.iter().map(State::keypoints).collect();
    let distance = |row: usize| {
        let squares = seen_points.iter().enumerate().map(|(back, points)| {
            let row = (row + back + 1).saturating_sub(seen.len());
            let shown = steps[row].state.keypoints();
            points.iter().zip(shown).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
        });
        (squares.sum::<f64>() / (10 * seen.len()) as f64).sqrt()
    };
    let rows = (0..steps.len().checked_sub(actions)? + 1).map(|row| (distance(row), row));
    let (distance, row) = rows.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    let moved = seen.last()?.agent - steps[row].state.agent;
    let action = |(action, axis): (usize, usize)| steps[row + action].action[axis] + moved[axis];
    Some((distance, Array2::from_shape_fn((actions, 2), action)))
}
