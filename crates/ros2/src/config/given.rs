//! The file as it stands, before anything is checked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::control::GivenControl;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    pub rate: f64,
    #[serde(default = "default_node")]
    pub node: String,
    pub domain: Option<u16>,
    pub networks: Option<Vec<IpAddr>>,
    #[serde(default)]
    pub rmw: Rmw,
    pub clock: Option<String>,
    pub stale: Option<f64>,
    pub observations: BTreeMap<String, GivenSources>,
    pub commands: GivenCommands,
    #[serde(default)]
    pub control: GivenControl,
}

fn default_node() -> String {
    "/parapolicy".to_owned()
}

/// The middleware of those who call the services: they put requests differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rmw {
    #[default]
    FastRtps,
    CycloneDds,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a table with `topic` and `type`, or an array of such tables")]
pub(crate) enum GivenSources {
    One(GivenSource),
    Several(Vec<GivenSource>),
}

impl GivenSources {
    pub fn all(&self) -> &[GivenSource] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Several(sources) => sources,
        }
    }
}

/// A part of an entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenSource {
    pub topic: String,
    #[serde(rename = "type")]
    pub kind: ObservedType,
    pub joints: Option<Vec<String>>,
    pub field: Option<JointField>,
    pub fields: Option<Vec<PoseField>>,
    pub from: Option<usize>,
    pub to: Option<usize>,
    pub scale: Option<f64>,
}

/// Messages that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum ObservedType {
    #[serde(rename = "sensor_msgs/msg/JointState")]
    JointState,
    #[serde(rename = "sensor_msgs/msg/Image")]
    Image,
    #[serde(rename = "geometry_msgs/msg/PoseStamped")]
    PoseStamped,
    #[serde(rename = "std_msgs/msg/Float64MultiArray")]
    Float64MultiArray,
}

impl ObservedType {
    /// Package and name of the message.
    pub fn package_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::JointState => ("sensor_msgs", "JointState"),
            Self::Image => ("sensor_msgs", "Image"),
            Self::PoseStamped => ("geometry_msgs", "PoseStamped"),
            Self::Float64MultiArray => ("std_msgs", "Float64MultiArray"),
        }
    }

    /// Whether its messages say when they were taken.
    pub fn is_stamped(self) -> bool {
        self != Self::Float64MultiArray
    }
}

/// The numbers of a joint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JointField {
    #[default]
    Position,
    Velocity,
    Effort,
}

/// The numbers of a pose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PoseField {
    X,
    Y,
    Z,
    Qx,
    Qy,
    Qz,
    Qw,
}

/// Where commands go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenCommands {
    pub topic: String,
    #[serde(rename = "type")]
    pub kind: CommandType,
    #[serde(default)]
    pub joints: Vec<String>,
}

/// Messages that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum CommandType {
    #[serde(rename = "std_msgs/msg/Float64MultiArray")]
    Float64MultiArray,
    #[serde(rename = "trajectory_msgs/msg/JointTrajectory")]
    JointTrajectory,
    #[serde(rename = "sensor_msgs/msg/JointState")]
    JointState,
}

impl CommandType {
    /// Package and name of the message.
    pub fn package_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Float64MultiArray => ("std_msgs", "Float64MultiArray"),
            Self::JointTrajectory => ("trajectory_msgs", "JointTrajectory"),
            Self::JointState => ("sensor_msgs", "JointState"),
        }
    }
}
