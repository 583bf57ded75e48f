//! The node: topics and services over DDS, and the loop that they are read and written in.

mod endpoints;

use std::time::{Duration, Instant};

use parapolicy_control::controller::{Controller, ControllerConfig};
use parapolicy_policy::Manifest;
use ros2_client::dds::rustdds::DomainParticipantBuilder;
use ros2_client::dds::rustdds::mio1::{Events, Poll, Token};
use ros2_client::{Context, NodeOptions, Publisher};

use self::endpoints::{CommandPublisher, Endpoints, Service, Subscribed, publish};
use crate::config::Ros2Config;
use crate::diagnostics::diagnostics;
use crate::error::Ros2Error;
use crate::message::DiagnosticArray;
use crate::robot::Robot;

/// Time between two diagnostics.
const DIAGNOSED: Duration = Duration::from_secs(1);
/// How long it waits for messages before it looks whether it is to end.
const TURN: Duration = Duration::from_millis(50);
/// Messages of one topic that are read before the others have their turn.
const MESSAGES: usize = 32;

/// A node that is ready.
pub struct Ros2Node {
    name: String,
    robot: Robot,
    // Before the node, which they belong to.
    subscriptions: Vec<Subscribed>,
    commands: CommandPublisher,
    diagnosed: Publisher<DiagnosticArray>,
    reset: Service,
    stop: Service,
    poll: Poll,
    _node: ros2_client::Node,
}

impl Ros2Node {
    /// Opens the node of a map for the policy of this manifest. `start` starts the controller with the map's configuration; the
    /// first episode has `seed`, and each `reset` begins one with the next.
    ///
    /// # Errors
    /// [`Ros2Error`]: a map that is wrong or does not fit the policy; what `start` fails with; or the network cannot be used.
    pub fn open<E: From<Ros2Error>>(
        config: &Ros2Config,
        manifest: &Manifest,
        seed: u64,
        start: impl FnOnce(ControllerConfig) -> Result<Controller, E>,
    ) -> Result<Self, E> {
        let commands = config.commands(manifest.action_dim())?;
        let name = config.node()?;
        let mut participant = DomainParticipantBuilder::new(config.domain()?);
        let robot = Robot::new(config, manifest, seed, start)?;
        if let Some(networks) = config.networks() {
            participant = participant.with_only_networks(networks.iter().copied());
        }
        let context = participant.build().map_err(opening).map(Context::from_domain_participant)?.map_err(opening)?;
        // Neither its log nor parameters are the network's business.
        let options = NodeOptions::new().enable_rosout(false).start_parameter_services(false);
        let mut node = context.new_node(name.clone(), options).map_err(opening)?;
        let mut endpoints = Endpoints { node: &mut node, mapping: config.service_mapping(), name: &name };
        let poll = Poll::new().map_err(Ros2Error::Poll)?;
        let subscriptions = robot.map.topics.iter().map(|topic| endpoints.subscribe(topic));
        let mut subscriptions = subscriptions.collect::<Result<Vec<_>, _>>()?;
        let commands = endpoints.commands(&commands)?;
        let diagnosed = endpoints.diagnostics()?;
        let (mut reset, mut stop) = (endpoints.service("reset")?, endpoints.service("stop")?);
        for (index, subscription) in subscriptions.iter_mut().enumerate() {
            subscription.register(poll.registry(), Token(index)).map_err(Ros2Error::Poll)?;
        }
        for service in [&mut reset, &mut stop] {
            service.register(poll.registry(), Token(robot.map.topics.len())).map_err(Ros2Error::Poll)?;
        }
        let name = name.fully_qualified_name();
        Ok(Self { name, robot, subscriptions, commands, diagnosed, reset, stop, poll, _node: node })
    }

    /// Begins stopped: commands are sent from the first call of `reset` on.
    #[must_use]
    pub fn stopped(mut self) -> Self {
        self.robot.stop();
        self
    }

    /// Its name, with its namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads, plans and commands until `ends`, which is asked twenty times a second at least. At the end the safe action is
    /// sent, where there is one.
    ///
    /// # Errors
    /// Messages cannot be waited for.
    pub fn run(&mut self, mut ends: impl FnMut() -> bool) -> Result<(), Ros2Error> {
        let (mut events, mut diagnosed) = (Events::with_capacity(64), Instant::now());
        while !ends() {
            let is_more = self.read();
            self.serve();
            self.command();
            if diagnosed.elapsed() >= DIAGNOSED {
                diagnosed = Instant::now();
                publish(&self.diagnosed, diagnostics(&self.name, &self.robot, diagnosed));
            }
            let wait = if is_more { Duration::ZERO } else { TURN };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
        }
        self.robot.stop();
        self.command();
        Ok(())
    }

    /// Reads what has come; whether there may be more.
    fn read(&mut self) -> bool {
        let Self { robot, subscriptions, .. } = self;
        let mut is_more = false;
        for (index, subscription) in subscriptions.iter().enumerate() {
            let mut taken = 0;
            for _ in 0..MESSAGES {
                match subscription.take() {
                    Ok(Some((message, sent))) => robot.take(index, &message, sent, Instant::now()),
                    Ok(None) => break,
                    Err(problem) => {
                        robot.map.refuse(index, problem);
                        continue;
                    }
                }
                taken += 1;
            }
            is_more |= taken == MESSAGES;
        }
        is_more
    }

    fn serve(&mut self) {
        let Self { robot, reset, stop, .. } = self;
        reset.answer(|| {
            robot.reset();
            "an episode begins"
        });
        stop.answer(|| {
            robot.stop();
            "stopped; reset begins an episode"
        });
    }

    fn command(&mut self) {
        let now = Instant::now();
        if let Some(step) = self.robot.step(now) {
            self.commands.send(&step);
        }
    }
}

fn opening(error: impl std::fmt::Display) -> Ros2Error {
    Ros2Error::Open(error.to_string())
}
