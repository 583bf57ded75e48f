//! The map's file: which topics are which entries of the policy, where commands go, and what is safe.

mod control;
mod given;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parapolicy_control::entries::Entries;
use parapolicy_policy::Manifest;
use ros2_client::{Name, NodeName, ServiceMapping};

pub(crate) use self::control::Resting;
pub(crate) use self::given::{CommandType, GivenSource, GivenSources, JointField, ObservedType, PoseField};
use self::given::{Given, GivenCommands, Rmw};
use crate::error::Ros2Error;
use crate::map::TopicMap;

/// What the map's file says.
///
/// ```toml
/// rate = 10.0                       # control steps a second: that of the training data
///
/// [observations]                    # the policy's entries
/// keypoints = { topic = "/keypoints", type = "std_msgs/msg/Float64MultiArray" }
/// agent = { topic = "/joint_states", type = "sensor_msgs/msg/JointState", joints = ["x", "y"] }
///
/// [commands]
/// topic = "/command"
/// type = "std_msgs/msg/Float64MultiArray"
///
/// [control]
/// initial = "agent"
/// min = [0.0, 0.0]
/// max = [512.0, 512.0]
/// ```
#[derive(Clone, Debug)]
pub struct Ros2Config {
    path: PathBuf,
    given: Given,
}

/// Where commands go, checked.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    pub topic: Name,
    pub kind: CommandType,
    pub joints: Vec<String>,
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (package, name) = self.kind.package_and_name();
        write!(f, "actions -> {} {package}/msg/{name}", self.topic)?;
        if self.joints.is_empty() { Ok(()) } else { write!(f, ", joints {}", self.joints.join(", ")) }
    }
}

impl Ros2Config {
    /// Bytes that a file may have.
    const MOST_BYTES: u64 = 1 << 20;

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or has other fields than those above.
    pub fn load(path: &Path) -> Result<Self, Ros2Error> {
        let text = parapolicy_files::read_text(path, Self::MOST_BYTES)
            .map_err(|error| Ros2Error::Read { path: path.to_path_buf(), error })?;
        let given = toml::from_str(&text)
            .map_err(|error| Ros2Error::Toml { path: path.to_path_buf(), error: error.to_string() })?;
        Ok(Self { path: path.to_path_buf(), given })
    }

    /// Holds all of it against the policy that `manifest` describes, and says in lines which topic is which entry, and where
    /// actions go. Nothing is opened.
    ///
    /// # Errors
    /// [`Ros2Error::Field`] with the field that is wrong, that is missing, or that does not fit the policy.
    pub fn show(&self, manifest: &Manifest) -> Result<String, Ros2Error> {
        let topics = TopicMap::new(manifest, self)?;
        let commands = self.commands(manifest.action_dim())?;
        let (controller, resting) = self.controller(manifest)?;
        let node = self.node()?.fully_qualified_name();
        self.stale()?;
        let (rate, domain) = (self.given.rate, self.domain()?);
        Ok(format!(
            "{topics}{commands}\n{node}, domain {domain}: {rate} control steps a second, replan {}, {resting}",
            controller.replan
        ))
    }

    /// What is wrong with a field.
    pub(crate) fn wrong(&self, field: impl Into<String>, problem: impl ToString) -> Ros2Error {
        Ros2Error::Field { path: self.path.clone(), field: field.into(), problem: problem.to_string() }
    }

    pub(crate) fn observations(&self) -> &BTreeMap<String, GivenSources> {
        &self.given.observations
    }

    /// The topic that control steps follow, if one is named.
    pub(crate) fn clock(&self) -> Option<&str> {
        self.given.clock.as_deref()
    }

    /// Time from one control step to the next.
    pub(crate) fn period(&self) -> Result<Duration, Ros2Error> {
        let rate = self.given.rate;
        if (0.01..=10_000.0).contains(&rate) {
            return Ok(Duration::from_secs_f64(1.0 / rate));
        }
        Err(self.wrong("rate", format!("it is {rate}, but must be between 0.01 and 10000 Hz")))
    }

    /// How old what was observed may be; five periods where nothing is said.
    pub(crate) fn stale(&self) -> Result<Duration, Ros2Error> {
        let period = self.period()?;
        let Some(stale) = self.given.stale else { return Ok(Entries::default_stale(period)) };
        let time = self.seconds("stale", stale)?;
        if time < period {
            return Err(self.wrong("stale", format!("it is {stale} s, but a control step alone is {period:?}")));
        }
        Ok(time)
    }

    fn seconds(&self, field: &'static str, seconds: f64) -> Result<Duration, Ros2Error> {
        parapolicy_control::seconds(field, seconds).map_err(|error| self.wrong(field, error))
    }

    /// The node's name.
    pub(crate) fn node(&self) -> Result<NodeName, Ros2Error> {
        let wrong = |problem: String| self.wrong("node", problem);
        let (namespace, base) = match self.given.node.rsplit_once('/') {
            Some(("", base)) => ("/", base),
            Some(parts) => parts,
            None => return Err(wrong(format!("`{}` must begin with a slash", self.given.node))),
        };
        NodeName::new(namespace, base).map_err(|error| wrong(error.to_string()))
    }

    /// A topic's name: absolute, so that it does not depend on where the node is.
    pub(crate) fn topic(&self, field: impl Into<String>, topic: &str) -> Result<Name, Ros2Error> {
        match Name::parse(topic) {
            Ok(name) if name.is_absolute() => Ok(name),
            Ok(_) => Err(self.wrong(field, format!("`{topic}` must begin with a slash"))),
            Err(error) => Err(self.wrong(field, format!("`{topic}` is no topic: {error}"))),
        }
    }

    /// The domain: that of the file, or of `ROS_DOMAIN_ID`, or 0.
    pub(crate) fn domain(&self) -> Result<u16, Ros2Error> {
        // Beyond, there are no ports.
        const LAST: u16 = 232;
        if let Some(domain) = self.given.domain {
            let problem = || self.wrong("domain", format!("it is {domain}, but must be 0 to {LAST}"));
            return if domain <= LAST { Ok(domain) } else { Err(problem()) };
        }
        let Some(text) = std::env::var_os("ROS_DOMAIN_ID").filter(|text| !text.is_empty()) else { return Ok(0) };
        let text = text.to_string_lossy();
        let domain = text.parse().ok().filter(|domain| *domain <= LAST);
        domain.ok_or_else(|| Ros2Error::Domain(text.into_owned()))
    }

    /// The addresses of this machine that are used; all of them where nothing is said.
    pub(crate) fn networks(&self) -> Option<&[IpAddr]> {
        self.given.networks.as_deref()
    }

    pub(crate) fn service_mapping(&self) -> ServiceMapping {
        match self.given.rmw {
            Rmw::FastRtps => ServiceMapping::Enhanced,
            Rmw::CycloneDds => ServiceMapping::Cyclone,
        }
    }

    /// Where commands of `action_dim` numbers go.
    pub(crate) fn commands(&self, action_dim: usize) -> Result<Commands, Ros2Error> {
        let GivenCommands { topic, kind, joints } = &self.given.commands;
        let expected = if *kind == CommandType::Float64MultiArray { 0 } else { action_dim };
        if joints.len() != expected {
            let found = joints.len();
            let problem = match expected {
                0 => "a Float64MultiArray has no joints; leave them out".to_owned(),
                _ => format!("there are {found}, but an action has {action_dim} numbers"),
            };
            return Err(self.wrong("commands.joints", problem));
        }
        Ok(Commands { topic: self.topic("commands.topic", topic)?, kind: *kind, joints: joints.clone() })
    }
}
