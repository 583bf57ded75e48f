//! What viewers show of a log, decoded by Foxglove's own types.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use foxglove::messages::{FrameTransform, FrameTransforms, Log as LogMessage, PointCloud};
use foxglove::{Decode, Encode};
use mcap::MessageStream;
use ndarray::{array, aview1};
use parapolicy_control::playback::{Command, Source};
use parapolicy_control::{Body, Outcome, Plan, Sketch, StepEvent};
use parapolicy_log::{Log, LogOptions};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A cart on a rail: scenes are `[x]`, actions places.
struct Rail;

impl Sketch for Rail {
    fn bodies(&self) -> Vec<Body> {
        let outline = vec![[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
        vec![Body { name: "cart".into(), colour: [1, 2, 3], outline }]
    }

    fn poses(&self, scene: &[f64], poses: &mut Vec<[f64; 3]>) {
        poses.extend(scene.iter().map(|x| [*x, 0.5, std::f64::consts::PI]));
    }

    fn place(&self, action: &[f64]) -> Option<[f64; 2]> {
        Some([*action.first()?, 0.0])
    }
}

fn step(log: &Log, tick: u64, scene: &[f64], over: bool) {
    let time = ms(100 * tick);
    let (observation, action) = (aview1(&[0.25]), aview1(&[1.0 / 3.0]));
    log.observation(time, observation);
    log.command(time, &Command { action, source: Source::Plan, withheld: None, observed: Some(time) });
    let outcome = Outcome { reward: 0.125 * tick as f64, success: false, over, violation: 0.0 };
    log.step(&StepEvent { index: tick as usize, time, observation, action, ahead: &[], outcome, scene });
}

/// Messages by topic, each with its log time, and the name of their schema.
type Messages = BTreeMap<String, (String, Vec<(u64, Vec<u8>)>)>;

fn read(path: &Path) -> Messages {
    let bytes = fs::read(path).unwrap();
    let mut messages = Messages::new();
    for message in MessageStream::new(&bytes).unwrap().map(Result::unwrap) {
        let schema = message.channel.schema.clone().unwrap();
        let of_topic = messages.entry(message.channel.topic.clone()).or_default();
        of_topic.0.clone_from(&schema.name);
        of_topic.1.push((message.log_time, message.data.to_vec()));
    }
    messages
}

fn decoded<T: Decode>(messages: &Messages, topic: &str) -> Vec<(u64, T)> {
    let decode = |(time, data): &(u64, Vec<u8>)| (*time, T::decode(data.as_slice()).ok().unwrap());
    messages[topic].1.iter().map(decode).collect()
}

fn points(cloud: &PointCloud) -> Vec<[f64; 3]> {
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    let point = |bytes: &[u8]| [0, 8, 16].map(|at| number(&bytes[at..at + 8]));
    assert_eq!(cloud.fields.iter().map(|field| field.name.as_str()).collect::<String>(), "xyzredgreenbluealpha");
    cloud.data.chunks(cloud.point_stride as usize).map(point).collect()
}

/// Logs two episodes, the second begun while the first goes on.
fn logged(path: &Path) -> Messages {
    let file = LogOptions::new(8).drawn_by(Some(Box::new(Rail))).create(path).unwrap();
    let run = file.run("rail");
    let (log, other) = (run.episode(3), run.episode(4));
    step(&log, 0, &[1.0], false);
    let plan = Plan {
        actions: array![[0.1], [0.2], [0.3]],
        intended: 2,
        rounds: 2,
        latency: ms(20),
        iterates: vec![array![[0.0], [0.5], [1.0]], array![[0.1], [0.2], [0.3]]],
        ..Plan::default()
    };
    log.plan(ms(0), ms(50), &plan);
    step(&log, 1, &[2.0], false);
    step(&log, 2, &[3.0], true);
    step(&other, 0, &[7.0], true);
    step(&log, 3, &[4.0], true);
    log.event(ms(300), "panicked", &"out of its mind");
    assert_eq!(file.finish().unwrap().dropped, 0);
    read(path)
}

#[test]
fn plots_and_scenes_are_foxgloves_own_messages() {
    let folder = tempfile::tempdir().unwrap();
    let messages = logged(&folder.path().join("a.mcap"));
    for (topic, schema) in [
        ("/scene", FrameTransforms::get_schema().unwrap()),
        ("/scene/cart", PointCloud::get_schema().unwrap()),
        ("/event", LogMessage::get_schema().unwrap()),
    ] {
        assert_eq!(messages[topic].0, schema.name);
    }
    let begin = decoded::<LogMessage>(&messages, "/event");
    assert_eq!(begin[0].1.message, "rail, seed 3: begin: rail");
    let origin = begin[0].0;
    let since = |time: u64| (time - origin) / 1_000_000;

    let scenes = decoded::<FrameTransforms>(&messages, "/scene");
    let cart = |transforms: &FrameTransforms| -> FrameTransform { transforms.transforms[1].clone() };
    let seen: Vec<_> = scenes.iter().map(|(time, scene)| (since(*time), cart(scene).translation.unwrap().x)).collect();
    assert_eq!(seen, [(100, 1.0), (200, 2.0), (200, 3.0), (200, 7.0)], "a scene is of the next observation");
    let FrameTransform { parent_frame_id, child_frame_id, rotation, translation, .. } = cart(&scenes[0].1);
    assert_eq!((parent_frame_id.as_str(), child_frame_id.as_str()), ("scene", "cart"));
    assert_eq!(translation.unwrap().y, 0.5);
    let rotation = rotation.unwrap();
    assert!((rotation.z - 1.0).abs() < 1e-15 && rotation.w.abs() < 1e-15, "half a turn");
    assert_eq!(scenes[0].1.transforms[0].parent_frame_id, "world");

    let outline = decoded::<PointCloud>(&messages, "/scene/cart");
    assert_eq!(outline.len(), 2, "once an episode, and not again within a second");
    assert_eq!(outline[0].1.frame_id, "cart");
    assert!(points(&outline[0].1).iter().all(|[x, y, _]| x.abs().max(y.abs()) == 1.0));
    let plan = &decoded::<PointCloud>(&messages, "/plan")[0].1;
    assert_eq!(points(plan), [[0.1, 0.0, 0.0], [0.2, 0.0, 0.0], [0.3, 0.0, 0.0]]);
    assert_eq!(plan.frame_id, "scene");
    let rounds = points(&decoded::<PointCloud>(&messages, "/plan/rounds")[0].1);
    assert_eq!(rounds.iter().map(|point| point[0]).collect::<Vec<_>>(), [0.0, 0.5, 1.0, 0.1, 0.2, 0.3]);
    assert_eq!(messages["/target"].1.len(), 4);
    let last = |data: &[u8]| f64::from_le_bytes(data[data.len() - 8..].try_into().unwrap());
    let rewards: Vec<f64> = messages["/reward"].1.iter().map(|(_, data)| last(data)).collect();
    assert_eq!(rewards, [0.0, 0.125, 0.25, 0.0], "of the episode that began last");
}

#[test]
fn a_log_without_a_sketch_has_plots_and_no_scene() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let file = LogOptions::new(100).create(&path).unwrap();
    let log = file.run("robot").episode(0);
    step(&log, 0, &[1.0], false);
    log.observation(ms(100), aview1(&[0.0; 65]));
    file.finish().unwrap();
    let messages = read(&path);
    assert!(!messages.contains_key("/scene") && !messages.contains_key("/plan"));
    assert_eq!(messages["/observation"].1.len(), 1, "a picture is not plotted");
    assert_eq!(messages["/record/observation"].1.len(), 2);
}

#[cfg(feature = "live")]
#[test]
fn an_address_in_use_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let file = LogOptions::new(1).live(([127, 0, 0, 1], 0).into()).create(&path).unwrap();
    let address = file.live().unwrap();
    assert_ne!(address.port(), 0);
    let refused = LogOptions::new(1).live(address).create(&folder.path().join("b.mcap")).unwrap_err();
    assert!(refused.to_string().starts_with(&format!("{address}: cannot show the log there")), "{refused}");
    assert!(!folder.path().join("b.mcap").exists());
    file.finish().unwrap();
}
