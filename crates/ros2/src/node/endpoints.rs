//! What the node reads from and writes to.

use std::io;
use std::time::{Duration, SystemTime};

use ros2_client::dds::rustdds::mio1::event::Source as _;
use ros2_client::dds::rustdds::mio1::{Interest, Registry, Token};
use ros2_client::qos::{History, WhenFull};
use ros2_client::{
    MessageTypeName, Name, Node, NodeName, Publisher, QosProfile, ReadResult, Server, ServiceMapping, ServiceTypeName,
    Subscription, WriteError,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::opening;
use crate::config::{CommandType, Commands, ObservedType};
use crate::error::{Refusal, Ros2Error};
use crate::map::Topic;
use crate::message::{
    DiagnosticArray, Float64MultiArray, Header, Image, JointState, JointTrajectory, JointTrajectoryPoint, PoseStamped,
    TriggerRequest, TriggerResponse,
};
use crate::observed::Observed;
use crate::robot::Step;

/// Makes them.
pub(super) struct Endpoints<'a> {
    pub node: &'a mut Node,
    pub mapping: ServiceMapping,
    pub name: &'a NodeName,
}

/// Reliable, for subscribers of either kind; what they have not taken in is dropped, and nothing waits for them.
fn written() -> QosProfile {
    QosProfile::publisher_default().reliability_reliable(WhenFull::Fail).history(History::KeepLast { depth: 1 })
}

impl Endpoints<'_> {
    pub fn subscribe(&mut self, topic: &Topic) -> Result<Subscribed, Ros2Error> {
        Ok(match topic.kind {
            ObservedType::JointState => Subscribed::Joints(self.subscription(topic)?),
            ObservedType::Image => Subscribed::Image(self.subscription(topic)?),
            ObservedType::PoseStamped => Subscribed::Pose(self.subscription(topic)?),
            ObservedType::Float64MultiArray => Subscribed::Numbers(self.subscription(topic)?),
        })
    }

    /// The newest message alone, of publishers of either kind: what is lost is old.
    fn subscription<M: 'static>(&mut self, topic: &Topic) -> Result<Subscription<M>, Ros2Error> {
        let (package, name) = topic.kind.package_and_name();
        let (dds_name, kind) = (Name::parse(&topic.name).map_err(opening)?, MessageTypeName::new(package, name));
        let qos = QosProfile::subscription_default();
        let topic = self.node.create_topic(&dds_name, kind, &qos).map_err(opening)?;
        self.node.create_subscription(&topic, None).map_err(opening)
    }

    fn publisher<M: Serialize>(
        &mut self,
        name: &Name,
        (package, kind): (&str, &str),
    ) -> Result<Publisher<M>, Ros2Error> {
        let topic = self.node.create_topic(name, MessageTypeName::new(package, kind), &written()).map_err(opening)?;
        self.node.create_publisher(&topic, None).map_err(opening)
    }

    pub fn commands(&mut self, commands: &Commands) -> Result<CommandPublisher, Ros2Error> {
        let (name, kind) = (&commands.topic, commands.kind.package_and_name());
        let joints = commands.joints.clone();
        Ok(match commands.kind {
            CommandType::Float64MultiArray => CommandPublisher::Numbers(self.publisher(name, kind)?),
            CommandType::JointTrajectory => CommandPublisher::Trajectory(self.publisher(name, kind)?, joints),
            CommandType::JointState => CommandPublisher::Joints(self.publisher(name, kind)?, joints),
        })
    }

    pub fn diagnostics(&mut self) -> Result<Publisher<DiagnosticArray>, Ros2Error> {
        let name = Name::new("/", "diagnostics").map_err(opening)?;
        self.publisher(&name, ("diagnostic_msgs", "DiagnosticArray"))
    }

    /// A service in the node's own namespace.
    pub fn service(&mut self, name: &str) -> Result<Service, Ros2Error> {
        let name = Name::new(&self.name.fully_qualified_name(), name).map_err(opening)?;
        // Several may ask at once, and none of them twice.
        let qos = written().history(History::KeepLast { depth: 10 });
        let kind = ServiceTypeName::new("std_srvs", "Trigger");
        let server = self.node.create_server(self.mapping, &name, &kind, qos.clone(), qos).map_err(opening)?;
        Ok(Service(server))
    }
}

/// A topic that is read.
pub(super) enum Subscribed {
    Joints(Subscription<JointState>),
    Image(Subscription<Image>),
    Pose(Subscription<PoseStamped>),
    Numbers(Subscription<Float64MultiArray>),
}

impl Subscribed {
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Joints(subscription) => subscription.register(registry, token, Interest::READABLE),
            Self::Image(subscription) => subscription.register(registry, token, Interest::READABLE),
            Self::Pose(subscription) => subscription.register(registry, token, Interest::READABLE),
            Self::Numbers(subscription) => subscription.register(registry, token, Interest::READABLE),
        }
    }

    /// The next message, if there is one, and when it was sent.
    pub fn take(&self) -> Result<Option<(Observed, Duration)>, Refusal> {
        match self {
            Self::Joints(subscription) => take(subscription, Observed::Joints),
            Self::Image(subscription) => take(subscription, Observed::Image),
            Self::Pose(subscription) => take(subscription, Observed::Pose),
            Self::Numbers(subscription) => take(subscription, Observed::Numbers),
        }
    }
}

fn take<M: DeserializeOwned + 'static>(
    subscription: &Subscription<M>,
    observed: fn(M) -> Observed,
) -> Result<Option<(Observed, Duration)>, Refusal> {
    let found = subscription.take().map_err(|error| Refusal::Unreadable(error.to_string()))?;
    Ok(found.map(|(message, info)| {
        let nanoseconds = info.source_timestamp().and_then(|time| u64::try_from(time.to_nanos()).ok());
        let sent =
            nanoseconds.map_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(), Duration::from_nanos);
        (observed(message), sent)
    }))
}

/// Where commands go.
pub(super) enum CommandPublisher {
    Numbers(Publisher<Float64MultiArray>),
    Trajectory(Publisher<JointTrajectory>, Vec<String>),
    Joints(Publisher<JointState>, Vec<String>),
}

impl CommandPublisher {
    pub fn send(&self, step: &Step<'_>) {
        match self {
            Self::Numbers(publisher) => publish(publisher, numbers(step)),
            Self::Trajectory(publisher, joints) => publish(publisher, trajectory(step, joints)),
            Self::Joints(publisher, joints) => publish(publisher, joint_state(step, joints)),
        }
    }
}

fn header(step: &Step<'_>) -> Header {
    Header { stamp: step.time.into(), frame_id: String::new() }
}

fn numbers(step: &Step<'_>) -> Float64MultiArray {
    Float64MultiArray { data: step.action.to_vec(), ..Float64MultiArray::default() }
}

fn joint_state(step: &Step<'_>, joints: &[String]) -> JointState {
    JointState { header: header(step), name: joints.to_vec(), position: step.action.to_vec(), ..JointState::default() }
}

/// One point: where to be a control step later.
fn trajectory(step: &Step<'_>, joints: &[String]) -> JointTrajectory {
    let point = JointTrajectoryPoint {
        positions: step.action.to_vec(),
        time_from_start: step.period.into(),
        ..JointTrajectoryPoint::default()
    };
    JointTrajectory { header: header(step), joint_names: joints.to_vec(), points: vec![point] }
}

/// Sends a message; where there is no room for it, it is dropped, and the next one is newer.
pub(super) fn publish<M: Serialize>(publisher: &Publisher<M>, message: M) {
    match publisher.publish(message) {
        Ok(()) | Err(WriteError::WouldBlock { .. }) => {}
        Err(error) => tracing::warn!("a message cannot be sent: {error}"),
    }
}

/// A service that is asked to do one thing.
pub(super) struct Service(Server<TriggerRequest, TriggerResponse>);

impl Service {
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.0.register(registry, token, Interest::READABLE)
    }

    /// Does it, for each that asks.
    pub fn answer(&self, mut act: impl FnMut() -> &'static str) {
        /// Requests of one turn.
        const MOST: usize = 32;
        for _ in 0..MOST {
            let request: ReadResult<_> = self.0.receive_request();
            match request {
                Ok(Some((id, _))) => {
                    let response = TriggerResponse { success: true, message: act().to_owned() };
                    if let Err(error) = self.0.send_response(id, response) {
                        tracing::warn!("an answer cannot be sent: {error}");
                    }
                }
                Ok(None) => return,
                Err(error) => tracing::warn!("a request cannot be read: {error}"),
            }
        }
    }
}
