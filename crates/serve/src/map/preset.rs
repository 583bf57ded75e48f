//! Keys that robots' programs send by habit.

use std::fmt;
use std::str::FromStr;

use parapolicy_policy::{Entry, Layout};

use super::config::Source;

/// Keys of a kind of robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// `observation/state`, `observation/image`, `observation/wrist_image` (height, width, channels).
    Libero,
    /// `observation/joint_position`, `observation/gripper_position`, `observation/exterior_image_1_left`,
    /// `observation/wrist_image_left`.
    Droid,
    /// `state`, `images/cam_high` and others (channels, height, width).
    Aloha,
    /// LeRobot's names: `observation.state`, `observation.images.*` (channels, height, width).
    LeRobot,
}

/// There is no such preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("preset: `{0}` is not known; use libero, droid, aloha or lerobot")]
pub struct UnknownPreset(String);

/// A key, and the names that policies have for what it holds, without `observation` and `images` before them.
struct Known {
    key: &'static str,
    names: &'static [&'static str],
    layout: Option<Layout>,
}

const fn vector(key: &'static str, names: &'static [&'static str]) -> Known {
    Known { key, names, layout: None }
}

const fn image(key: &'static str, names: &'static [&'static str], layout: Layout) -> Known {
    Known { key, names, layout: Some(layout) }
}

const LIBERO: &[Known] = &[
    vector("observation/state", &["state"]),
    image("observation/image", &["image", "agentview_image", "agentview"], Layout::Hwc),
    image("observation/wrist_image", &["wrist_image", "image2", "eye_in_hand_image", "wrist"], Layout::Hwc),
];

const DROID: &[Known] = &[
    vector("observation/joint_position", &["joint_position", "joint_positions"]),
    vector("observation/gripper_position", &["gripper_position"]),
    image("observation/exterior_image_1_left", &["exterior_image_1_left", "exterior_1_left", "image"], Layout::Hwc),
    image("observation/wrist_image_left", &["wrist_image_left", "wrist_left", "wrist_image", "wrist"], Layout::Hwc),
];

const ALOHA: &[Known] = &[
    vector("state", &["state", "qpos"]),
    image("images/cam_high", &["cam_high", "top"], Layout::Chw),
    image("images/cam_low", &["cam_low"], Layout::Chw),
    image("images/cam_left_wrist", &["cam_left_wrist", "left_wrist"], Layout::Chw),
    image("images/cam_right_wrist", &["cam_right_wrist", "right_wrist"], Layout::Chw),
];

impl Preset {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Libero => "libero",
            Self::Droid => "droid",
            Self::Aloha => "aloha",
            Self::LeRobot => "lerobot",
        }
    }

    /// What an entry is put together from; none if it has nothing for it. Images are within 0 and 1: bytes are divided by 255.
    pub(super) fn sources(self, entry: &Entry) -> Option<Vec<Source>> {
        let name = bare(&entry.name);
        let known = match self {
            Self::Libero => LIBERO,
            Self::Droid => DROID,
            Self::Aloha => ALOHA,
            Self::LeRobot => {
                let layout = (entry.shape.len() == 3).then_some(Layout::Chw);
                return entry.name.starts_with("observation.").then(|| vec![source(&entry.name, layout)]);
            }
        };
        if let Some(found) = known.iter().find(|known| known.names.contains(&name)) {
            return Some(vec![source(found.key, found.layout)]);
        }
        // DROID's state is its seven joints and its gripper.
        (self == Self::Droid && name == "state" && entry.len() == 8).then(|| {
            let part = |key: &str, length| Source { length: Some(length), ..Source::key(key) };
            vec![part("observation/joint_position", 7), part("observation/gripper_position", 1)]
        })
    }
}

fn source(key: &str, layout: Option<Layout>) -> Source {
    match layout {
        Some(_) => Source { layout, scale: 1.0 / 255.0, scale_bytes: true, ..Source::key(key) },
        None => Source::key(key),
    }
}

/// A name without what LeRobot and others put before it.
fn bare(name: &str) -> &str {
    let name = name.strip_prefix("observation").map_or(name, |rest| rest.trim_start_matches(['.', '/', '_']));
    name.strip_prefix("images").map_or(name, |rest| rest.trim_start_matches(['.', '/']))
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let all = [Self::Libero, Self::Droid, Self::Aloha, Self::LeRobot];
        all.into_iter().find(|preset| preset.name() == name).ok_or_else(|| UnknownPreset(name.to_owned()))
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
