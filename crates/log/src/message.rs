//! The log's messages and their JSON schemas.

use serde::Serialize;
use serde_json::{Value, json};

use super::ring::{Content, Record};
use parapolicy_control::playback::{Source, Withheld};

/// A topic: its name, its schema's name, and its schema's properties, without those that every message has.
pub(super) struct Topic {
    pub name: &'static str,
    pub schema: &'static str,
    properties: fn() -> Value,
}

/// All topics, at the places that [`index`] says.
pub(super) const TOPICS: [Topic; 6] = [
    Topic { name: "/observation", schema: "parapolicy.Observation", properties: || json!({ "values": numbers() }) },
    Topic { name: "/plan", schema: "parapolicy.Plan", properties: plan },
    Topic { name: "/plan/rounds", schema: "parapolicy.Round", properties: round },
    Topic { name: "/command", schema: "parapolicy.Command", properties: command },
    Topic { name: "/event", schema: "parapolicy.Event", properties: || json!({ "kind": text(), "message": text() }) },
    Topic {
        name: "/latency",
        schema: "parapolicy.Latency",
        properties: || json!({ "sampling_ms": number(), "observation_age_ms": number() }),
    },
];

/// A message's topic, in [`TOPICS`].
pub(super) fn index(content: &Content) -> usize {
    match content {
        Content::Observation => 0,
        Content::Plan { .. } => 1,
        Content::Round { .. } => 2,
        Content::Command { .. } => 3,
        Content::Event { .. } => 4,
        Content::SamplingLatency(_) | Content::ObservationAge(_) => 5,
    }
}

impl Topic {
    /// JSON schema of its messages.
    pub fn json_schema(&self) -> Value {
        let mut properties = (self.properties)();
        for (name, schema) in [("run", text()), ("id", integer()), ("episode", integer()), ("time", number())] {
            properties[name] = schema;
        }
        json!({ "title": self.schema, "type": "object", "properties": properties })
    }
}

fn number() -> Value {
    json!({ "type": "number" })
}

fn integer() -> Value {
    json!({ "type": "integer" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn numbers() -> Value {
    json!({ "type": "array", "items": number() })
}

/// Foxglove plots lists of objects, but not lists of lists.
fn actions() -> Value {
    json!({ "type": "array", "items": { "type": "object", "properties": { "values": numbers() } } })
}

fn plan() -> Value {
    let (count, seconds) = (integer, number);
    json!({
        "number": count(), "observed": seconds(), "intended": count(), "rounds": count(), "evaluations": count(),
        "residual": number(), "actions": actions(),
    })
}

fn round() -> Value {
    json!({ "plan": integer(), "round": integer(), "actions": actions() })
}

fn command() -> Value {
    json!({ "action": numbers(), "source": text(), "withheld": text() })
}

/// A message. Times are in seconds of the loop's own time.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    run: &'a str,
    /// Number of the episode in the file.
    id: u64,
    /// Its seed.
    episode: u64,
    time: f64,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Observation {
        values: &'a [f64],
    },
    Plan {
        number: u64,
        observed: f64,
        intended: usize,
        rounds: usize,
        evaluations: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        residual: Option<f64>,
        actions: Vec<Action<'a>>,
    },
    Round {
        plan: u64,
        round: usize,
        actions: Vec<Action<'a>>,
    },
    Command {
        action: &'a [f64],
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        withheld: Option<&'static str>,
    },
    Event {
        kind: &'static str,
        message: &'a str,
    },
    Sampling {
        sampling_ms: f64,
    },
    Age {
        observation_age_ms: f64,
    },
}

#[derive(Serialize)]
struct Action<'a> {
    values: &'a [f64],
}

impl<'a> Message<'a> {
    pub fn of(record: &'a Record) -> Self {
        let Record { run, id, episode, time, content, numbers, text, .. } = record;
        let run = run.as_ref().map_or("", |run| run.name.as_str());
        Self { run, id: *id, episode: *episode, time: time.as_secs_f64(), body: Body::of(content, numbers, text) }
    }
}

impl<'a> Body<'a> {
    fn of(content: &Content, numbers: &'a [f64], message: &'a str) -> Self {
        let actions = |dim: usize| numbers.chunks(dim.max(1)).map(|values| Action { values }).collect();
        match *content {
            Content::Observation => Self::Observation { values: numbers },
            Content::Plan { number, observed, intended, rounds, evaluations, residual, action_dim } => {
                let (observed, actions) = (observed.as_secs_f64(), actions(action_dim));
                Self::Plan { number, observed, intended, rounds, evaluations, residual, actions }
            }
            Content::Round { plan, round, action_dim } => Self::Round { plan, round, actions: actions(action_dim) },
            Content::Command { source, withheld } => {
                Self::Command { action: numbers, source: source_name(source), withheld: withheld.map(withheld_name) }
            }
            Content::Event { kind } => Self::Event { kind, message },
            Content::SamplingLatency(latency) => Self::Sampling { sampling_ms: latency.as_secs_f64() * 1e3 },
            Content::ObservationAge(age) => Self::Age { observation_age_ms: age.as_secs_f64() * 1e3 },
        }
    }
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
