//! The messages of a record, `schemas/parapolicy.proto`.

use parapolicy_control::playback::{Source, Withheld};
use prost::Message;

use super::ring::{Content, Record};
use super::topic::Topic;

/// What was observed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Observation {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(double, repeated, tag = "5")]
    pub values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Action {
    #[prost(double, repeated, tag = "1")]
    pub values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Plan {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(uint64, tag = "5")]
    pub number: u64,
    #[prost(double, tag = "6")]
    pub observed: f64,
    #[prost(uint64, tag = "7")]
    pub intended: u64,
    #[prost(uint64, tag = "8")]
    pub rounds: u64,
    #[prost(uint64, tag = "9")]
    pub evaluations: u64,
    #[prost(double, optional, tag = "10")]
    pub residual: Option<f64>,
    #[prost(message, repeated, tag = "11")]
    pub actions: Vec<Action>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Round {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(uint64, tag = "5")]
    pub plan: u64,
    #[prost(uint64, tag = "6")]
    pub round: u64,
    #[prost(message, repeated, tag = "7")]
    pub actions: Vec<Action>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Command {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(double, repeated, tag = "5")]
    pub action: Vec<f64>,
    #[prost(string, tag = "6")]
    pub source: String,
    #[prost(string, optional, tag = "7")]
    pub withheld: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Step {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(double, optional, tag = "5")]
    pub reward: Option<f64>,
    #[prost(bool, tag = "6")]
    pub success: bool,
    #[prost(bool, tag = "7")]
    pub over: bool,
    #[prost(double, optional, tag = "8")]
    pub violation: Option<f64>,
    #[prost(double, repeated, tag = "9")]
    pub scene: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(string, tag = "5")]
    pub kind: String,
    #[prost(string, tag = "6")]
    pub message: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Latency {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub episode: u64,
    #[prost(double, tag = "4")]
    pub time: f64,
    #[prost(double, optional, tag = "5")]
    pub sampling_ms: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub observation_age_ms: Option<f64>,
}

/// Appends the message of a record to `out`; returns its topic.
pub(super) fn encode(record: &Record, out: &mut Vec<u8>) -> Topic {
    let run = record.run.as_ref().map(|run| run.name.clone()).unwrap_or_default();
    let Record { id, episode, ref numbers, ref text, .. } = *record;
    let time = record.time.as_secs_f64();
    match record.content {
        Content::Observation => {
            let message = Observation { run, id, episode, time, values: numbers.clone() };
            encoded(Topic::RecordObservation, &message, out)
        }
        Content::Plan { number, observed, intended, rounds, evaluations, residual, action_dim } => {
            let (observed, actions) = (observed.as_secs_f64(), actions(numbers, action_dim));
            let [intended, rounds, evaluations] = [intended, rounds, evaluations].map(|count| count as u64);
            let message =
                Plan { run, id, episode, time, number, observed, intended, rounds, evaluations, residual, actions };
            encoded(Topic::RecordPlan, &message, out)
        }
        Content::Round { plan, round, action_dim } => {
            let (round, actions) = (round as u64, actions(numbers, action_dim));
            encoded(Topic::RecordRound, &Round { run, id, episode, time, plan, round, actions }, out)
        }
        Content::Command { source, withheld } => {
            let (source, withheld) = (source_name(source).into(), withheld.map(|why| withheld_name(why).into()));
            let message = Command { run, id, episode, time, action: numbers.clone(), source, withheld };
            encoded(Topic::RecordCommand, &message, out)
        }
        Content::Step { reward, success, over, violation } => {
            let [reward, violation] = [reward, violation].map(Some);
            let message = Step { run, id, episode, time, reward, success, over, violation, scene: numbers.clone() };
            encoded(Topic::RecordStep, &message, out)
        }
        Content::Event { kind } => {
            let message = Event { run, id, episode, time, kind: kind.into(), message: text.clone() };
            encoded(Topic::RecordEvent, &message, out)
        }
        Content::SamplingLatency(latency) => {
            let sampling_ms = Some(latency.as_secs_f64() * 1e3);
            let message = Latency { run, id, episode, time, sampling_ms, observation_age_ms: None };
            encoded(Topic::RecordLatency, &message, out)
        }
        Content::ObservationAge(age) => {
            let observation_age_ms = Some(age.as_secs_f64() * 1e3);
            let message = Latency { run, id, episode, time, sampling_ms: None, observation_age_ms };
            encoded(Topic::RecordLatency, &message, out)
        }
    }
}

fn encoded(topic: Topic, message: &impl Message, out: &mut Vec<u8>) -> Topic {
    out.extend(message.encode_to_vec());
    topic
}

/// Foxglove plots lists of messages, but not lists of lists.
fn actions(numbers: &[f64], dim: usize) -> Vec<Action> {
    numbers.chunks(dim.max(1)).map(|values| Action { values: values.to_vec() }).collect()
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Plan => "plan",
        Source::Late => "late",
        Source::Safe => "safe",
    }
}

fn withheld_name(withheld: Withheld) -> &'static str {
    match withheld {
        Withheld::NoPlan => "no plan",
        Withheld::Stale { .. } => "stale",
        Withheld::NotFinite { .. } => "not finite",
        Withheld::BeyondLimits(_) => "beyond limits",
    }
}
