//! An episode's columns: the features that LeRobot's own PushT datasets have, and the recorded arrays, bit for bit.

use parapolicy_pusht::{Demonstration, DemonstrationStep, Renderer};

use crate::parquet_table::{Column, Values};

/// Control steps a second.
pub const FPS: u32 = 10;

/// Optional arrays that all demonstrations of a dataset have; others, which none has, are left out, as [`Demonstration::save`] does.
#[derive(Clone, Copy)]
pub struct Known {
    velocities: bool,
    rewards: bool,
}

impl Known {
    pub fn of(demonstrations: &[Demonstration]) -> Self {
        let all = |known: fn(&DemonstrationStep) -> bool| demonstrations.iter().flat_map(|one| &one.steps).all(known);
        Self { velocities: all(|step| step.agent_velocity.is_some()), rewards: all(|step| step.reward.is_some()) }
    }
}

/// The columns of an episode; with pictures of the table, if there is a renderer.
pub fn columns(demonstration: &Demonstration, known: Known, renderer: Option<&mut Renderer>) -> Vec<Column> {
    let steps = demonstration.steps.as_slice();
    let mut columns = vec![
        singles("observation.state", &[2], steps, |step| step.state.agent.iter().copied().collect()),
        singles("observation.environment_state", &[16], steps, |step| step.state.vertices()[..16].to_vec()),
        singles("action", &[2], steps, |step| step.action.to_vec()),
    ];
    if let Some(renderer) = renderer {
        let frames: Vec<_> = steps.iter().map(|step| renderer.draw(&step.state, &[])).collect();
        let shape = frames.first().map_or([0, 0, 3], |frame| [frame.height() as usize, frame.width() as usize, 3]);
        columns.push(Column::new("observation.image", &shape, Values::Frames(frames)));
    }
    if known.rewards {
        let rewards = || steps.iter().filter_map(|step| step.reward);
        columns.push(Column::new("next.reward", &[], Values::Floats(rewards().map(|reward| reward as f32).collect())));
        // The reward is coverage over that of success, at most 1.
        columns.push(Column::new("next.success", &[], Values::Flags(rewards().map(|reward| reward >= 1.0).collect())));
    }
    let done = (1..=steps.len()).map(|step| step == steps.len()).collect();
    columns.push(Column::new("next.done", &[], Values::Flags(done)));
    columns.extend(recorded(steps, known));
    columns
}

/// The arrays of a recording, in double precision. LeRobot's policies ignore them, since their names do not begin with
/// `observation`.
fn recorded(steps: &[DemonstrationStep], known: Known) -> Vec<Column> {
    let mut columns = vec![
        doubles("recording.state", &[5], steps, |step| step.state.to_array().to_vec()),
        doubles("recording.action", &[2], steps, |step| step.action.to_vec()),
        doubles("recording.keypoint", &[18], steps, |step| step.keypoints.as_flattened().to_vec()),
    ];
    if known.velocities {
        let velocity = |step: &DemonstrationStep| step.agent_velocity.iter().flatten().copied().collect();
        columns.push(doubles("recording.agent_velocity", &[2], steps, velocity));
    }
    if known.rewards {
        columns.push(doubles("recording.reward", &[], steps, |step| step.reward.into_iter().collect()));
    }
    columns
}

type Read = fn(&DemonstrationStep) -> Vec<f64>;

fn doubles(name: &str, shape: &[usize], steps: &[DemonstrationStep], read: Read) -> Column {
    Column::new(name, shape, Values::Doubles(steps.iter().flat_map(read).collect()))
}

/// In single precision, as LeRobot stores observations and actions.
fn singles(name: &str, shape: &[usize], steps: &[DemonstrationStep], read: Read) -> Column {
    Column::new(name, shape, Values::Floats(steps.iter().flat_map(read).map(|number| number as f32).collect()))
}
