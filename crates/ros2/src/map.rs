//! From topics to the entries of a policy, checked against the policy before anything is opened.

use std::fmt;
use std::time::Duration;

use parapolicy_control::entries::Recent;
use parapolicy_policy::{Entry, Manifest};

use crate::config::{GivenSource, ObservedType, Ros2Config};
use crate::error::{Refusal, Ros2Error};
use crate::observed::Observed;
use crate::part::Part;

/// A topic that is read, and the entries that are made of its messages.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub name: String,
    pub kind: ObservedType,
    parts: Vec<Part>,
    /// The numbers of the newest messages that were taken, of all parts one after the other.
    recent: Recent,
    /// Messages that were taken, and that were refused.
    pub taken: u64,
    pub refused: u64,
    /// Why the last one that was refused was.
    pub problem: Option<Refusal>,
}

/// Which topics are which entries of a policy.
#[derive(Clone, Debug)]
pub(crate) struct TopicMap {
    pub topics: Vec<Topic>,
    /// The topic that control steps follow.
    pub clock: usize,
    /// An observation, in the policy's order.
    row: Vec<f64>,
    /// Numbers of a message, before it is known that all of them are right.
    values: Vec<f64>,
}

impl TopicMap {
    /// The map for the policy that `manifest` describes.
    ///
    /// # Errors
    /// [`Ros2Error::Field`] with the entry and field that is wrong, that is missing, or that the policy does not have.
    pub fn new(manifest: &Manifest, config: &Ros2Config) -> Result<Self, Ros2Error> {
        let known = |name: &&String| manifest.observations.iter().any(|entry| entry.name == **name);
        if let Some(name) = config.observations().keys().find(|name| !known(name)) {
            let names: Vec<&str> = manifest.observations.iter().map(|entry| entry.name.as_str()).collect();
            let problem = format!("the policy has no such entry; it has {}", names.join(", "));
            return Err(config.wrong(format!("observations.{name}"), problem));
        }
        let (mut topics, mut first) = (Vec::new(), 0);
        for entry in &manifest.observations {
            add_entry(config, entry, first, &mut topics)?;
            first += entry.len();
        }
        topics.iter_mut().for_each(Topic::remember);
        let clock = clock(config, &topics)?;
        Ok(Self { topics, clock, row: vec![0.0; first], values: Vec::with_capacity(first) })
    }

    /// Takes a message of a topic, or refuses all of it. `time` is when it was taken.
    pub fn take(&mut self, topic: usize, message: &Observed, time: Duration) -> Result<(), Refusal> {
        let Self { topics, values, .. } = self;
        let Some(topic) = topics.get_mut(topic) else { return Ok(()) };
        values.clear();
        topic.parts.iter().try_for_each(|part| part.read(message, values))?;
        topic.note(time, values);
        Ok(())
    }

    /// Counts a message that was refused, and keeps why.
    pub fn refuse(&mut self, topic: usize, problem: Refusal) {
        let Some(topic) = self.topics.get_mut(topic) else { return };
        topic.refused += 1;
        if topic.problem.as_ref() != Some(&problem) {
            tracing::warn!("{}: a message is refused: {problem}", topic.name);
        }
        topic.problem = Some(problem);
    }

    /// The observation of `time`, of each topic the newest at or before it; none while something was not observed yet, or not
    /// within `stale` of it.
    pub fn row(&mut self, time: Duration, stale: Duration) -> Option<&[f64]> {
        for topic in &self.topics {
            let mut values = topic.recent.at(time, stale).ok()?.iter().copied();
            topic.parts.iter().for_each(|part| part.write(&mut values, &mut self.row));
        }
        Some(&self.row)
    }

    /// Forgets what was observed: an episode begins.
    pub fn forget(&mut self) {
        self.topics.iter_mut().for_each(|topic| topic.recent.forget());
    }
}

impl Topic {
    /// Makes room for messages, now that all parts are known.
    fn remember(&mut self) {
        self.recent = Recent::new(self.parts.iter().map(Part::len).sum());
    }

    /// Takes the numbers of a message of `time`, which are finite. Time that goes back begins anew.
    fn note(&mut self, time: Duration, values: &[f64]) {
        if self.newest().is_some_and(|newest| time < newest) {
            self.recent.forget();
        }
        if self.recent.take(time, values.iter().copied()).is_ok() {
            self.taken += 1;
        }
    }

    /// When the newest message that was taken was taken; none before the first.
    pub fn newest(&self) -> Option<Duration> {
        self.recent.newest()
    }
}

/// Adds an entry's parts to the topics that they are read from.
fn add_entry(config: &Ros2Config, entry: &Entry, first: usize, topics: &mut Vec<Topic>) -> Result<(), Ros2Error> {
    let field = format!("observations.{}", entry.name);
    let sources = config.observations().get(&entry.name);
    let sources = sources.ok_or_else(|| config.wrong(&field, "say which topic this entry of the policy is"))?.all();
    let mut at = first;
    for (number, source) in sources.iter().enumerate() {
        let field = if sources.len() == 1 { field.clone() } else { format!("{field}[{number}]") };
        let part = Part::new(entry, source, at, sources.len() == 1)
            .map_err(|(name, problem)| config.wrong(format!("{field}.{name}"), problem))?;
        at = at.saturating_add(part.len());
        place(config, &field, source, part, topics)?;
    }
    if at - first == entry.len() {
        return Ok(());
    }
    let problem = format!("its topics give {} numbers, but the entry has {}", at - first, entry.len());
    Err(config.wrong(field, problem))
}

fn place(
    config: &Ros2Config,
    field: &str,
    source: &GivenSource,
    part: Part,
    topics: &mut Vec<Topic>,
) -> Result<(), Ros2Error> {
    config.topic(format!("{field}.topic"), &source.topic)?;
    let (name, kind) = (source.topic.clone(), source.kind);
    match topics.iter_mut().find(|topic| topic.name == name) {
        Some(topic) if topic.kind == kind => topic.parts.push(part),
        Some(_) => return Err(config.wrong(format!("{field}.type"), format!("`{name}` has another type above"))),
        None => {
            let parts = vec![part];
            topics.push(Topic { name, kind, parts, recent: Recent::new(0), taken: 0, refused: 0, problem: None });
        }
    }
    Ok(())
}

/// The topic that control steps follow: the one that is named, or the first whose messages say when they were taken, or the
/// first.
fn clock(config: &Ros2Config, topics: &[Topic]) -> Result<usize, Ros2Error> {
    let Some(name) = config.clock() else {
        return Ok(topics.iter().position(|topic| topic.kind.is_stamped()).unwrap_or(0));
    };
    let found = topics.iter().position(|topic| topic.name == name);
    found.ok_or_else(|| config.wrong("clock", format!("`{name}` is no topic of observations")))
}

/// What is printed before anything is opened.
impl fmt::Display for TopicMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, topic) in self.topics.iter().enumerate() {
            let (package, name) = topic.kind.package_and_name();
            for part in &topic.parts {
                writeln!(f, "{} {package}/msg/{name}: {part}", topic.name)?;
            }
            if number == self.clock {
                writeln!(f, "{} is what control steps follow", topic.name)?;
            }
        }
        Ok(())
    }
}
