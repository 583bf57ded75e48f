//! Scenario files: length and initial states of episodes, and their disturbances.

use std::io::ErrorKind;
use std::ops::Add as _;
use std::path::{Path, PathBuf};

use nalgebra::Vector2;
use serde::{Deserialize, Serialize};

use crate::geometry::TABLE_SIZE;
use crate::keep_out::KeepOut;
use crate::reset::{ResetDistribution, ResetOrder};
use crate::shoves::RandomKicks;
use crate::world::Kick;

/// What an episode is, as a TOML file says it (`sims/nominal.toml` is one).
///
/// ```
/// use parapolicy_pusht::Scenario;
///
/// let scenario: Scenario = Scenario::parse(
///     r#"
///     name = "late kick"
///     max_control_steps = 300
///     reset = { distribution = "diffusion-policy", order = "legacy" }
///
///     [[kicks]]
///     control_step = 40
///     displacement = [12.0, 0.0]
///     turn = 0.1
///     "#,
/// )?;
/// assert_eq!(scenario.kicks.len(), 1);
/// # Ok::<(), parapolicy_pusht::ScenarioError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// An episode ends unsolved after this many control steps (10 Hz).
    pub max_control_steps: usize,
    /// Where an episode begins.
    pub reset: Reset,
    /// Shoves that the block gets.
    #[serde(default)]
    pub kicks: Vec<TimedKick>,
    /// Shoves at random times, besides.
    #[serde(default)]
    pub random_kicks: RandomKicks,
    /// Discs that the agent's centre is to stay out of.
    #[serde(default)]
    pub keep_out: Vec<KeepOut>,
    /// Noise on observations.
    #[serde(default)]
    pub observation_noise: ObservationNoise,
    /// An action is carried out this many control steps after it was given; the agent stays where it is until then.
    #[serde(default)]
    pub action_delay: usize,
}

/// Where an episode begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The random stream.
    pub distribution: ResetDistribution,
    /// What the drawn pose means.
    pub order: ResetOrder,
}

/// A [`Kick`] and when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedKick {
    /// The control step during which the block is kicked, from 0.
    pub control_step: usize,
    /// How far the block's centre of gravity would go, px. More than 100 px either way is refused: it would throw the
    /// block through a wall.
    pub displacement: [f64; 2],
    /// How far the block would turn about it, rad.
    #[serde(default)]
    pub turn: f64,
}

/// Independent normal noise on every observed coordinate, new at every control step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObservationNoise {
    /// Standard deviation of the agent's and the block's coordinates, px.
    pub position_std: f64,
    /// Standard deviation of the block's angle, rad.
    pub angle_std: f64,
    /// Seed of the noise: with an episode's seed it fixes every number.
    pub seed: u64,
}

/// The scenarios of this repository, for a program that is run elsewhere.
const BUILT_IN: [(&str, &str); 4] = [
    ("sims/keep_out.toml", include_str!("../scenarios/keep_out.toml")),
    ("sims/nominal.toml", include_str!("../scenarios/nominal.toml")),
    ("sims/perturbed.toml", include_str!("../scenarios/perturbed.toml")),
    ("sims/shoved.toml", include_str!("../scenarios/shoved.toml")),
];

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read the scenario {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// In a file: the rest of the message.
    #[error("scenario {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<ScenarioError>,
    },
    /// Not TOML, or a field is missing, unknown or of the wrong kind.
    #[error("{0}")]
    Parse(#[from] Box<toml::de::Error>),
    /// A field has a value that makes no sense.
    #[error("`{field}` {problem}")]
    Field {
        /// Which field.
        field: String,
        /// What is wrong with it and what to do.
        problem: &'static str,
    },
}

impl Scenario {
    /// The longest episode a scenario may ask for, in control steps.
    pub const LONGEST_EPISODE: usize = 1_000_000;

    /// The longest file, bytes: tens of thousands of kicks.
    const LONGEST_FILE: u64 = 4 << 20;

    /// Reads and validates a TOML file. The scenarios of this repository, `sims/nominal.toml` and its like, are found
    /// by these names even where there are no such files.
    ///
    /// # Errors
    /// If the file cannot be read or is not a valid scenario; the message names the file and the field.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let built_in = || BUILT_IN.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned());
        let text = parapolicy_files::read_text(path, Self::LONGEST_FILE).or_else(|source| match source.kind() {
            ErrorKind::NotFound => built_in().ok_or(source),
            _ => Err(source),
        });
        let text = text.map_err(|source| ScenarioError::Read { path: path.into(), source })?;
        Self::parse(&text).map_err(|source| ScenarioError::File { path: path.into(), source: Box::new(source) })
    }

    /// Reads and validates TOML.
    ///
    /// # Errors
    /// If it is not a valid scenario; the message names the field.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        // Its errors tell line and column, but an array that is too long is taken.
        let scenario: Self = toml::from_str(text).map_err(Box::new)?;
        let table: toml::Table = toml::from_str(text).map_err(Box::new)?;
        Self::deserialize(table).map_err(Box::new)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// The shove that the block gets during `control_step`: the sum of all that are due then.
    pub fn kick_at(&self, control_step: usize) -> Kick {
        let due = self.kicks.iter().filter(|kick| kick.control_step == control_step);
        let kicks = due.map(|kick| Kick { displacement: Vector2::from(kick.displacement), turn: kick.turn });
        kicks.fold(Kick::NONE, Kick::add)
    }

    fn validate(&self) -> Result<(), ScenarioError> {
        require(!self.name.trim().is_empty(), "name", "is empty: give the scenario a name")?;
        let steps = 1..=Self::LONGEST_EPISODE;
        require(steps.contains(&self.max_control_steps), "max_control_steps", "must be between 1 and 1000000")?;
        require(self.action_delay < self.max_control_steps, "action_delay", "must be less than max_control_steps")?;
        let noise = self.observation_noise;
        require(is_std(noise.position_std, 512.0), "observation_noise.position_std", "must be between 0 and 512 px")?;
        require(is_std(noise.angle_std, 10.0), "observation_noise.angle_std", "must be between 0 and 10 rad")?;
        let RandomKicks { probability, displacement_std, turn_std, .. } = self.random_kicks;
        require((0.0..=1.0).contains(&probability), "random_kicks.probability", "must be between 0 and 1")?;
        let in_range = is_std(displacement_std, 100.0);
        require(in_range, "random_kicks.displacement_std", "must be between 0 and 100 px")?;
        require(is_std(turn_std, 1.0), "random_kicks.turn_std", "must be between 0 and 1 rad")?;
        for (i, kick) in self.kicks.iter().enumerate() {
            let field = |name| format!("kicks[{i}].{name}");
            let in_time = kick.control_step < self.max_control_steps;
            require(in_time, &field("control_step"), "must be less than max_control_steps")?;
            let in_range = kick.displacement.iter().all(|x| x.abs() <= 100.0);
            require(in_range, &field("displacement"), "must be two numbers between -100 and 100 px")?;
            require(kick.turn.abs() <= 10.0, &field("turn"), "must be between -10 and 10 rad")?;
        }
        for (i, disc) in self.keep_out.iter().enumerate() {
            let field = |name| format!("keep_out[{i}].{name}");
            let on_table = disc.centre.iter().all(|x| (0.0..=TABLE_SIZE).contains(x));
            require(on_table, &field("centre"), "must be two numbers between 0 and 512 px")?;
            let in_range = disc.radius > 0.0 && disc.radius <= TABLE_SIZE;
            require(in_range, &field("radius"), "must be above 0 and at most 512 px")?;
        }
        Ok(())
    }
}

fn is_std(value: f64, largest: f64) -> bool {
    (0.0..=largest).contains(&value)
}

fn require(holds: bool, field: &str, problem: &'static str) -> Result<(), ScenarioError> {
    if holds { Ok(()) } else { Err(ScenarioError::Field { field: field.into(), problem }) }
}
