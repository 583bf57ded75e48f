//! What viewers show of a log: plots, a scene and events, of the episode that began last.
//!
//! Several episodes may go on at once, and a plan may come after its episode. The record has them all; a plot or a scene of
//! them all would be of none.

use std::mem;

use mcap::McapError;
use parapolicy_control::{Body, Sketch};
use prost::Message;

use super::numbers;
use super::ring::{Content, Record};
use super::scene::{FrameTransform, FrameTransforms, Log, Points, Timestamp};
use super::sinks::Sinks;
use super::topic::Topic;

/// Longest observation or action that is plotted. A picture's pixels are not.
const PLOTTED: usize = 64;

/// Outlines are written again after so many ns, for who begins to watch in between.
const OUTLINES: u64 = 1_000_000_000;

/// The frame of scenes, and the one that it hangs on.
const FRAME: &str = "scene";
const ROOT: &str = "world";

const INTENDED: [u8; 3] = [214, 96, 36];
const FURTHER: [u8; 3] = [232, 178, 150];
const TARGET: [u8; 3] = [200, 30, 30];
/// Of a plan's first round, and of its last.
const ROUNDS: [[u8; 3]; 2] = [[90, 120, 220], [214, 96, 36]];

/// Levels of `foxglove.Log`.
const INFO: i32 = 2;
const WARNING: i32 = 3;

/// Draws records.
pub(super) struct Display {
    scene: Option<Scene>,
    /// Number of the episode that is shown.
    shown: u64,
    bytes: Vec<u8>,
}

/// Draws scenes.
struct Scene {
    sketch: Box<dyn Sketch>,
    bodies: Vec<Body>,
    /// When outlines were written.
    drawn: Option<u64>,
    /// The scene after the last step. It is what the next observation is of.
    next: Option<Vec<f64>>,
    /// Places of the rounds of the plan that is coming.
    rounds: Vec<Vec<[f64; 2]>>,
}

impl Display {
    pub fn new(sketch: Option<Box<dyn Sketch>>) -> Self {
        let scene = sketch.map(|sketch| {
            let bodies = sketch.bodies();
            Scene { sketch, bodies, drawn: None, next: None, rounds: Vec::new() }
        });
        Self { scene, shown: 0, bytes: Vec::new() }
    }

    /// Names of the bodies, each of which has a topic.
    pub fn bodies(&self) -> impl Iterator<Item = &str> {
        self.scene.iter().flat_map(|scene| scene.bodies.iter().map(|body| body.name.as_str()))
    }

    /// Writes what is to be seen of a record.
    pub fn show(&mut self, record: &Record, log_time: u64, sinks: &mut Sinks) -> Result<(), McapError> {
        if record.id < self.shown {
            return Ok(());
        }
        if record.id > self.shown {
            self.shown = record.id;
            if let Some(scene) = &mut self.scene {
                (scene.drawn, scene.next) = (None, None);
                scene.rounds.clear();
            }
        }
        let mut pen = Pen { log_time, bytes: mem::take(&mut self.bytes), sinks };
        let done = draw(record, self.scene.as_mut(), &mut pen);
        self.bytes = pen.bytes;
        done
    }
}

fn draw(record: &Record, scene: Option<&mut Scene>, pen: &mut Pen<'_>) -> Result<(), McapError> {
    let numbers = record.numbers.as_slice();
    match record.content {
        Content::Observation => {
            pen.plot(Topic::Observation, "observation", numbers)?;
            scene.map_or(Ok(()), |scene| scene.arrive(pen))
        }
        Content::Command { .. } => {
            pen.plot(Topic::Action, "action", numbers)?;
            scene.map_or(Ok(()), |scene| scene.target(numbers, pen))
        }
        Content::Step { reward, over, .. } => {
            pen.plot(Topic::Reward, "reward", &[reward])?;
            scene.map_or(Ok(()), |scene| scene.step(numbers, over, pen))
        }
        Content::Plan { intended, action_dim, .. } => {
            scene.map_or(Ok(()), |scene| scene.plan(numbers, intended, action_dim, pen))
        }
        Content::Round { action_dim, .. } => {
            if let Some(scene) = scene {
                let places = scene.places(numbers, action_dim);
                scene.rounds.push(places);
            }
            Ok(())
        }
        Content::SamplingLatency(latency) => {
            pen.plot(Topic::SamplingTime, "sampling_ms", &[latency.as_secs_f64() * 1e3])
        }
        Content::ObservationAge(age) => {
            pen.plot(Topic::ObservationAge, "observation_age_ms", &[age.as_secs_f64() * 1e3])
        }
        Content::Event { kind } => pen.tell(record, kind),
    }
}

impl Scene {
    /// The scene after the last step is there.
    fn arrive(&mut self, pen: &mut Pen<'_>) -> Result<(), McapError> {
        let Some(numbers) = self.next.take() else { return Ok(()) };
        let mut poses = Vec::with_capacity(self.bodies.len());
        self.sketch.poses(&numbers, &mut poses);
        let root = FrameTransform::root(pen.log_time, [ROOT, FRAME], self.sketch.y_is_down());
        let finite =
            poses.into_iter().zip(&self.bodies).filter(|(pose, _)| pose.iter().all(|number| number.is_finite()));
        let placed = finite.map(|(pose, body)| FrameTransform::planar(pen.log_time, [FRAME, &body.name], pose));
        let transforms = std::iter::once(root).chain(placed).collect();
        pen.message(Topic::Scene as usize, &FrameTransforms { transforms })?;
        if self.drawn.is_none_or(|drawn| pen.log_time >= drawn.saturating_add(OUTLINES)) {
            self.drawn = Some(pen.log_time);
            for (index, body) in self.bodies.iter().enumerate() {
                let mut points = Points::default();
                points.extend(&body.points(), body.colour);
                pen.points(Topic::ALL.len() + index, &body.name, &points)?;
            }
        }
        Ok(())
    }

    /// No observation follows the last step: its scene is stamped as the step is.
    fn step(&mut self, numbers: &[f64], over: bool, pen: &mut Pen<'_>) -> Result<(), McapError> {
        self.next = (!numbers.is_empty()).then(|| numbers.to_vec());
        if over { self.arrive(pen) } else { Ok(()) }
    }

    fn target(&self, action: &[f64], pen: &mut Pen<'_>) -> Result<(), McapError> {
        let Some(place) = self.sketch.place(action) else { return Ok(()) };
        let mut points = Points::default();
        points.push(place, TARGET);
        pen.points(Topic::Target as usize, FRAME, &points)
    }

    fn plan(&mut self, numbers: &[f64], intended: usize, dim: usize, pen: &mut Pen<'_>) -> Result<(), McapError> {
        let rounds = mem::take(&mut self.rounds);
        let places = self.places(numbers, dim);
        if places.is_empty() {
            return Ok(());
        }
        let (first, rest) = places.split_at(intended.min(places.len()));
        let mut points = Points::default();
        points.extend(first, INTENDED);
        points.extend(rest, FURTHER);
        pen.points(Topic::Plan as usize, FRAME, &points)?;
        if rounds.is_empty() {
            return Ok(());
        }
        let mut points = Points::default();
        for (round, places) in rounds.iter().enumerate() {
            points.extend(places, between(ROUNDS, round, rounds.len()));
        }
        pen.points(Topic::Rounds as usize, FRAME, &points)
    }

    fn places(&self, actions: &[f64], dim: usize) -> Vec<[f64; 2]> {
        actions.chunks(dim.max(1)).filter_map(|action| self.sketch.place(action)).collect()
    }
}

/// The colour of a round between the first and the last.
fn between([first, last]: [[u8; 3]; 2], round: usize, rounds: usize) -> [u8; 3] {
    let share = round as f64 / rounds.saturating_sub(1).max(1) as f64;
    [0, 1, 2].map(|part| {
        let [from, to] = [first, last].map(|colour| f64::from(colour[part]));
        (from + share * (to - from)).round() as u8
    })
}

/// Writes messages of one log time.
struct Pen<'a> {
    log_time: u64,
    bytes: Vec<u8>,
    sinks: &'a mut Sinks,
}

impl Pen<'_> {
    fn plot(&mut self, topic: Topic, label: &str, numbers: &[f64]) -> Result<(), McapError> {
        if numbers.len() > PLOTTED {
            return Ok(());
        }
        self.bytes.clear();
        numbers::encode(label, numbers, &mut self.bytes);
        self.sinks.write(topic as usize, self.log_time, &self.bytes)
    }

    fn points(&mut self, channel: usize, frame: &str, points: &Points) -> Result<(), McapError> {
        let cloud = points.cloud(self.log_time, frame);
        self.message(channel, &cloud)
    }

    fn tell(&mut self, record: &Record, kind: &str) -> Result<(), McapError> {
        let run = record.run.as_ref().map(|run| run.name.clone()).unwrap_or_default();
        let level = if matches!(kind, "begin" | "end") { INFO } else { WARNING };
        let message = format!("{run}, seed {}: {kind}: {}", record.episode, record.text);
        let timestamp = Some(Timestamp::of(self.log_time));
        self.message(Topic::Event as usize, &Log { timestamp, level, message, name: run })
    }

    fn message(&mut self, channel: usize, message: &impl Message) -> Result<(), McapError> {
        self.sinks.write(channel, self.log_time, &message.encode_to_vec())
    }
}
