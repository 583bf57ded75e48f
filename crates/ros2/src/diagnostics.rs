//! How the node is, as `diagnostic_msgs` says it.

use std::time::{Duration, Instant};

use parapolicy_control::playback::{Source, Withheld};

use crate::map::Topic;
use crate::message::{DiagnosticArray, DiagnosticStatus, Header, KeyValue};
use crate::robot::{Robot, State};

const OK: u8 = 0;
const WARN: u8 = 1;
const ERROR: u8 = 2;
const STALE: u8 = 3;

/// One status of the controller, and one of each topic. `node` is the node's name.
pub(crate) fn diagnostics(node: &str, robot: &Robot, now: Instant) -> DiagnosticArray {
    let time = robot.time(now);
    let topics = robot.map.topics.iter().map(|topic| of_topic(node, topic, time, robot.stale()));
    let status = std::iter::once(of_controller(node, robot)).chain(topics).collect();
    let stamp = time.unwrap_or_default().into();
    DiagnosticArray { header: Header { stamp, frame_id: String::new() }, status }
}

fn of_controller(node: &str, robot: &Robot) -> DiagnosticStatus {
    let health = robot.controller.monitor().health();
    let (level, message) = match (robot.state, robot.source) {
        (State::Waiting, _) => (WARN, "nothing was observed in this episode yet".to_owned()),
        (State::Stopping | State::Stopped, _) => (OK, "stopped".to_owned()),
        (State::Running, Some(Source::Safe)) => (ERROR, format!("the safe action is sent: {}", why(robot.withheld))),
        (State::Running, Some(Source::Late)) => (WARN, "the plans are used up".to_owned()),
        (State::Running, _) => (OK, "running".to_owned()),
    };
    let values = [
        ("commands", robot.commands.to_string()),
        ("plans", health.plans.to_string()),
        ("failures", health.failures.to_string()),
        ("hangs", health.hangs.to_string()),
        ("clock_steps", health.clock_steps.to_string()),
        ("latency_p50_ms", format!("{:.1}", health.latency_ms.p50)),
        ("latency_p99_ms", format!("{:.1}", health.latency_ms.p99)),
        ("problem", robot.problem.clone().unwrap_or_default()),
    ];
    status(level, format!("{node}: controller"), message, values)
}

fn why(withheld: Option<Withheld>) -> String {
    match withheld {
        Some(Withheld::NoPlan) => "there is no plan yet".to_owned(),
        Some(Withheld::Stale { .. }) => "the plan is too old".to_owned(),
        Some(Withheld::NotFinite { .. }) => "the plan is not finite".to_owned(),
        Some(Withheld::BeyondLimits(_)) => "the plan is beyond the limits".to_owned(),
        None => "there is no plan to go by".to_owned(),
    }
}

fn of_topic(node: &str, topic: &Topic, time: Option<Duration>, stale: Duration) -> DiagnosticStatus {
    let age = time.zip(topic.newest()).map(|(time, own)| time.abs_diff(own));
    let (level, message) = match age {
        Some(age) if age <= stale => (OK, "observed".to_owned()),
        Some(age) => (STALE, format!("the last message is {:.3} s old", age.as_secs_f64())),
        None => (STALE, "nothing was observed yet".to_owned()),
    };
    let values = [
        ("taken", topic.taken.to_string()),
        ("refused", topic.refused.to_string()),
        ("problem", topic.problem.as_ref().map(ToString::to_string).unwrap_or_default()),
    ];
    status(level, format!("{node}: {}", topic.name), message, values)
}

fn status<const N: usize>(
    level: u8,
    name: String,
    message: String,
    values: [(&'static str, String); N],
) -> DiagnosticStatus {
    let values = values.into_iter().map(|(key, value)| KeyValue { key: key.to_owned(), value }).collect();
    DiagnosticStatus { level, name, message, hardware_id: String::new(), values }
}
