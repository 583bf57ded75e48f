//! The task as an environment of policies.

mod kind;
mod observed;
mod painter;
mod sketch;

use std::time::Duration;

use ndarray::{Array1, ArrayView1, ArrayViewMut1, array};
use parapolicy_control::refine::{Cost, KeepOut, SettingError, Tracker, Tracking};
use parapolicy_control::{BoxError, Environment, Outcome};
use parapolicy_policy::{Entry, Manifest};
use thiserror::Error;

pub use self::kind::PUSHT;
pub use self::painter::PushTScene;
use crate::{Kick, Renderer, Scenario, State, Task, WorldError, agent};

/// Time from one control step to the next.
pub const PERIOD: Duration = Duration::from_millis(100);

/// Why a policy cannot be played in PushT.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PushTError {
    /// An observation of another name or length.
    #[error(
        "observations: the policy wants `{name}` of length {length}, but PushT has {}; and images, [height, width, 3], as {}",
        OBSERVATIONS.map(|(name, length, _)| format!("`{name}` of length {length}")).join(", "),
        IMAGES.map(|name| format!("`{name}`")).join(", ")
    )]
    Observation {
        /// The entry's name in the manifest.
        name: String,
        /// Its length there.
        length: usize,
    },
    /// The observation does not contain the agent's position.
    #[error("observations: plans can only be refined for a policy that observes `agent` or `state`")]
    NoAgent,
    /// Actions of another length.
    #[error("actions: the policy gives {0} numbers, but PushT takes 2: the agent's target position in pixels")]
    Action(usize),
}

type Write = fn(&State, &mut Vec<f64>);

/// What can be observed: name, length, and how it is read off a state.
const OBSERVATIONS: [(&str, usize, Write); 6] = [
    ("state", 5, |state, out| out.extend(state.to_array())),
    ("keypoints", 18, |state, out| out.extend(&state.keypoints()[..18])),
    ("agent", 2, |state, out| out.extend(state.agent.iter())),
    ("agent_pos", 2, |state, out| out.extend(state.agent.iter())),
    ("observation.environment_state", 16, |state, out| out.extend(&state.vertices()[..16])),
    ("observation.state", 2, |state, out| out.extend(state.agent.iter())),
];

/// Those that begin with the agent's position.
const AGENTS: [&str; 4] = ["agent", "state", "agent_pos", "observation.state"];

/// Names of images of the table, of any size.
const IMAGES: [&str; 2] = ["image", "observation.image"];

/// A part of what is observed.
enum Seen {
    Numbers(Write),
    Image(Box<Renderer>),
}

impl Seen {
    fn of(entry: &Entry) -> Result<Self, PushTError> {
        let unknown = || PushTError::Observation { name: entry.name.clone(), length: entry.len() };
        if let (true, &[height, width, 3]) = (IMAGES.contains(&entry.name.as_str()), entry.shape.as_slice()) {
            let [width, height] = [width, height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
            return Ok(Self::Image(Box::new(Renderer::new(width, height).map_err(|_| unknown())?)));
        }
        let found = OBSERVATIONS.iter().find(|(name, length, _)| (*name, *length) == (&entry.name, entry.len()));
        found.map(|(_, _, write)| Self::Numbers(*write)).ok_or_else(unknown)
    }

    fn write(&mut self, state: &State, out: &mut Vec<f64>) {
        match self {
            Self::Numbers(write) => write(state, out),
            Self::Image(renderer) => {
                out.extend(renderer.draw(state, &[]).rgb().iter().map(|&channel| f64::from(channel)));
            }
        }
    }
}

/// The PushT task as an [`Environment`].
///
/// The observation is what the policy's manifest lists, by name: `state` (agent x, y, block x, y, angle), `keypoints`
/// (nine points of the block), `agent` or `agent_pos` (x, y), `image` (of the table, of any size); and, as LeRobot
/// names gym-pusht's, `observation.environment_state` (the corners of the block's bar and stem), `observation.state`
/// (the agent's x, y) and `observation.image`. Pixels and radians. The action is the agent's target position in pixels.
pub struct PushT {
    task: Task,
    observed: State,
    entries: Vec<Seen>,
    /// Where the agent's position begins in the observation.
    agent: Option<usize>,
    /// The observation, laid out flat; its length is the observation's.
    flat: Vec<f64>,
}

impl PushT {
    /// The task that `scenario` describes, observed as `manifest` asks.
    ///
    /// # Errors
    /// [`PushTError`] if the manifest asks for what PushT does not have.
    pub fn new(scenario: Scenario, manifest: &Manifest) -> Result<Self, PushTError> {
        if manifest.action_dim() != 2 {
            return Err(PushTError::Action(manifest.action_dim()));
        }
        let entries = manifest.observations.iter().map(Seen::of).collect::<Result<_, _>>()?;
        let before = |index: usize| manifest.observations[..index].iter().map(Entry::len).sum();
        let agent = manifest.observations.iter().position(|entry| AGENTS.contains(&entry.name.as_str()));
        let agent = agent.map(before);
        let mut task = Task::new(scenario);
        let observed = task.reset(0);
        Ok(Self { task, observed, entries, agent, flat: vec![0.0; manifest.observation_dim()] })
    }

    /// How the agent follows its targets.
    ///
    /// # Errors
    /// Never; the simulator's constants are valid.
    pub fn tracking() -> Result<Tracking, SettingError> {
        Tracking::new(agent::STIFFNESS, agent::DRAG, agent::SUBSTEP, agent::SUBSTEPS)
    }

    /// Puts agent and block elsewhere in the middle of the episode, as a hand on the table would; the agent is at rest
    /// then.
    ///
    /// # Errors
    /// A state with a number that is not finite or absurdly large; everything stays as it is.
    pub fn put(&mut self, state: &State) -> Result<(), WorldError> {
        self.observed = self.task.put(state)?;
        Ok(())
    }

    /// Shoves the block during the next control step, as [`Task::shove`].
    ///
    /// # Errors
    /// A kick that is not finite or absurdly large; everything stays as it is.
    pub fn shove(&mut self, kick: &Kick) -> Result<(), WorldError> {
        self.task.shove(kick)
    }

    /// The task itself, without observation noise.
    pub fn task(&self) -> &Task {
        &self.task
    }
}

impl Environment for PushT {
    fn observation_dim(&self) -> usize {
        self.flat.len()
    }

    fn action_dim(&self) -> usize {
        2
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn resting_action(&self) -> Array1<f64> {
        let agent = self.task.world().state().agent;
        array![agent.x, agent.y]
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        let distribution = self.task.scenario().reset.distribution;
        let most = distribution.largest_seed();
        if seed > most {
            let why = "of the scenario's `reset.distribution`, which would begin again at 0: take a smaller one";
            return Err(format!("{seed} is beyond {most}, the largest seed {why}").into());
        }
        self.observed = self.task.reset(seed);
        Ok(())
    }

    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        self.flat.clear();
        for seen in &mut self.entries {
            seen.write(&self.observed, &mut self.flat);
        }
        observation.assign(&ArrayView1::from(&self.flat));
        Ok(())
    }

    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        let transition = self.task.step([action[0], action[1]])?;
        self.observed = transition.observation;
        let crate::Outcome { reward, success, .. } = transition.outcome;
        Ok(Outcome { reward, success, over: transition.finished, violation: transition.intrusion })
    }

    /// Writes the numbers that [`PushTScene`] reads.
    fn scene(&self, numbers: &mut Vec<f64>) {
        PushTScene::of(&self.task).write(numbers);
    }

    /// The agent's motion, from what the policy observes. It assumes that actions are carried out at once: the
    /// scenario's `action_delay` is not modelled.
    fn tracker(&self) -> Result<Option<Tracker>, BoxError> {
        let first = self.agent.ok_or(PushTError::NoAgent)?;
        Ok(Some(Tracker::new(Self::tracking()?, first..first + 2)))
    }

    /// The scenario's keep-out discs.
    fn costs(&self, margin: f64) -> Result<Vec<Box<dyn Cost>>, BoxError> {
        let discs = self.task.scenario().keep_out.iter();
        discs.map(|disc| Ok(Box::new(KeepOut::new(disc.centre.into(), disc.radius, margin)?) as _)).collect()
    }
}
