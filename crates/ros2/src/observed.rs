//! A message that was observed, of whatever type.

use std::time::Duration;

use crate::error::Refusal;
use crate::message::{Float64MultiArray, Header, Image, JointState, PoseStamped, Time};

/// A message that was observed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observed {
    Joints(JointState),
    Image(Image),
    Pose(PoseStamped),
    Numbers(Float64MultiArray),
}

impl Observed {
    /// When it was taken; none where it does not say.
    pub fn stamp(&self) -> Result<Option<Duration>, Refusal> {
        let Header { stamp, .. } = match self {
            Self::Joints(state) => &state.header,
            Self::Image(image) => &image.header,
            Self::Pose(pose) => &pose.header,
            Self::Numbers(_) => return Ok(None),
        };
        let Time { sec, nanosec } = *stamp;
        match stamp.since_origin() {
            None if *stamp != Time::default() => Err(Refusal::Stamp { sec, nanosec }),
            time => Ok(time),
        }
    }
}
