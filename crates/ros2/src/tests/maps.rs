//! Maps that fit, and those that are refused by file and field.

use std::time::Duration;

use ndarray::Array3;
use parapolicy_policy::Manifest;

use super::{PUSHT, config, manifest, try_config};
use crate::config::Ros2Config;
use crate::error::Refusal;
use crate::map::TopicMap;
use crate::message::{Float64MultiArray, Image, JointState, Pose, PoseStamped, Time};
use crate::observed::Observed;

/// A manifest with other entries than the shipped one.
fn observing(entries: &[(&str, &[usize])]) -> Manifest {
    let mut manifest = manifest();
    let first = manifest.observations[0].clone();
    let make = |(name, shape): &(&str, &[usize])| {
        let mut entry = first.clone();
        (entry.name, entry.shape) = ((*name).to_owned(), shape.to_vec());
        entry
    };
    manifest.observations = entries.iter().map(make).collect();
    manifest
}

#[test]
fn a_map_is_shown() {
    assert_eq!(
        config(PUSHT).show(&manifest()).unwrap(),
        "/keypoints std_msgs/msg/Float64MultiArray: numbers 0..18 -> keypoints\n\
         /joint_states sensor_msgs/msg/JointState: position of x, y -> agent\n\
         /joint_states is what control steps follow\n\
         actions -> /command std_msgs/msg/Float64MultiArray\n\
         /parapolicy, domain 0: 10 control steps a second, replan 8, the position is sent before the first plan"
    );
}

#[test]
fn what_does_not_fit_is_refused_by_file_and_field() {
    let refused = |from: &str, to: &str| {
        assert!(PUSHT.contains(from), "{from}");
        let problem = match try_config(&PUSHT.replace(from, to)) {
            Ok(config) => config.show(&manifest()).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        problem.split_once("map.toml: ").map(|(_, problem)| problem.to_owned()).unwrap()
    };
    let named = [
        ("rate = 10.0", "rate = 0", "rate: it is 0, but must be between 0.01 and 10000 Hz"),
        ("rate = 10.0", "rate = 10\nstale = 0.01", "stale: it is 0.01 s, but a control step alone is 100ms"),
        ("rate = 10.0", "rate = 10\nstale = -1", "stale: "),
        ("rate = 10.0", "rate = 10\nnode = \"robot\"", "node: `robot` must begin with a slash"),
        ("rate = 10.0", "rate = 10\nnode = \"/a b\"", "node: "),
        ("rate = 10.0", "rate = 10\ndomain = 233", "domain: it is 233, but must be 0 to 232"),
        ("rate = 10.0", "rate = 10\nclock = \"/time\"", "clock: `/time` is no topic of observations"),
        ("keypoints =", "points =", "observations.points: the policy has no such entry; it has keypoints, agent"),
        ("agent = {", "#", "observations.agent: say which topic this entry of the policy is"),
        ("\"/keypoints\"", "\"keypoints\"", "observations.keypoints.topic: `keypoints` must begin with a slash"),
        ("[\"x\", \"y\"]", "[\"x\"]", "observations.agent: its topics give 1 numbers, but the entry has 2"),
        (", joints = [\"x\", \"y\"]", "", "observations.agent.joints: name the joints, in the entry's order"),
        ("joints = [", "from = 0, joints = [", "observations.agent.from: messages of this type have no such thing"),
        ("joints = [", "scale = inf, joints = [", "observations.agent.scale: it is inf, but must be finite"),
        ("\"/joint_states\"", "\"/keypoints\"", "observations.agent.type: `/keypoints` has another type above"),
        (
            "std_msgs/msg/Float64MultiArray\" }",
            "sensor_msgs/msg/Image\" }",
            "observations.keypoints.type: the entry has",
        ),
        ("topic = \"/command\"", "topic = \"/command/\"", "commands.topic: `/command/` is no topic: "),
        (
            "type = \"std_msgs/msg/Float64MultiArray\"\n[control]",
            "type = \"trajectory_msgs/msg/JointTrajectory\"\njoints = [\"x\"]\n[control]",
            "commands.joints: there are 1, but an action has 2 numbers",
        ),
        (
            "initial = \"agent\"",
            "initial = \"keypoints\"",
            "control.initial: `keypoints`: the policy observes no entry",
        ),
        ("initial = \"agent\"", "initial = [1.0]", "control.initial: it has 1 numbers, but an action has 2"),
        ("initial = \"agent\"", "max_change = [1.0, 1.0]", "control.max_change: changes are counted from"),
        ("initial = \"agent\"", "min = [1.0]", "control: min has 1 values, but an action has 2"),
        ("initial = \"agent\"", "late = \"never\"", "control.late: "),
        ("initial = \"agent\"", "replan = \"0\"", "control"),
        ("initial = \"agent\"", "max_age = 0", "control: max_age is 0, but must be more than 0"),
    ];
    for (from, to, problem) in named {
        let found = refused(from, to);
        assert!(found.starts_with(problem), "{to}: {found}");
    }
    for (from, to) in
        [("rate", "rates"), ("joints = [", "names = ["), ("JointState", "Joints"), ("= 10.0", "= \"fast\"")]
    {
        assert!(refused(from, to).contains("TOML parse error"), "{to}");
    }
    let missing = Ros2Config::load("nowhere/map.toml".as_ref()).unwrap_err();
    assert!(missing.to_string().starts_with("nowhere/map.toml: "));
}

/// The observation after a message of each topic, in the order of the topics.
fn observed(manifest: &Manifest, observations: &str, messages: &[Observed]) -> Result<Vec<f64>, Refusal> {
    let (head, rest) = PUSHT.split_once("[observations]").unwrap();
    let rest = &rest[rest.find("[commands]").unwrap()..];
    let rest = rest.replace("initial = \"agent\"", "");
    let config = config(&format!("{head}[observations]\n{observations}\n{rest}"));
    let mut map = TopicMap::new(manifest, &config).unwrap();
    let time = Duration::from_secs(1);
    for (topic, message) in messages.iter().enumerate() {
        map.take(topic, message, time)?;
    }
    Ok(map.row(time, Duration::ZERO).unwrap().to_vec())
}

fn array(data: &[f64]) -> Observed {
    Observed::Numbers(Float64MultiArray { data: data.to_vec(), ..Float64MultiArray::default() })
}

fn joints(name: &[&str], position: &[f64], velocity: &[f64]) -> Observed {
    Observed::Joints(JointState {
        name: name.iter().map(|name| (*name).to_owned()).collect(),
        position: position.to_vec(),
        velocity: velocity.to_vec(),
        ..JointState::default()
    })
}

#[test]
fn numbers_go_where_the_map_says() {
    let manifest = observing(&[("pose", &[4]), ("joints", &[3]), ("force", &[2])]);
    let map = "pose = { topic = \"/tool\", type = \"geometry_msgs/msg/PoseStamped\", fields = [\"z\", \"x\", \"qw\", \"qy\"] }\n\
               joints = [{ topic = \"/js\", type = \"sensor_msgs/msg/JointState\", joints = [\"b\", \"a\"], scale = 2 },\n\
                         { topic = \"/js\", type = \"sensor_msgs/msg/JointState\", joints = [\"b\"], field = \"velocity\" }]\n\
               force = { topic = \"/force\", type = \"std_msgs/msg/Float64MultiArray\", from = 1, to = 3 }";
    let pose = Pose { position: [1.0, 2.0, 3.0], orientation: [4.0, 5.0, 6.0, 7.0] };
    let pose = Observed::Pose(PoseStamped { pose, ..PoseStamped::default() });
    let state = joints(&["a", "b", "c"], &[10.0, 20.0, 30.0], &[0.1, 0.2, 0.3]);
    let found = observed(&manifest, map, &[pose.clone(), state, array(&[7.0, 8.0, 9.0, 10.0])]).unwrap();
    assert_eq!(found, [3.0, 1.0, 7.0, 5.0, 40.0, 20.0, 0.2, 8.0, 9.0]);

    let refused = |message: Observed| observed(&manifest, map, &[pose.clone(), message]).unwrap_err().to_string();
    assert_eq!(refused(joints(&["a", "c"], &[1.0, 2.0], &[1.0, 2.0])), "it has no joint `b`; it has a, c");
    assert_eq!(refused(joints(&["a", "b"], &[1.0], &[1.0, 2.0])), "position has 1 values, but must have 2, one a name");
    assert_eq!(refused(joints(&["a", "b"], &[1.0, 2.0], &[])), "velocity has 0 values, but must have 2, one a name");
    assert_eq!(refused(joints(&["a", "b"], &[f64::NAN, 2.0], &[0.0; 2])), "position has NaN, but must be finite");
    let good = joints(&["a", "b"], &[1.0; 2], &[1.0; 2]);
    let short = observed(&manifest, map, &[pose.clone(), good, array(&[1.0, 2.0])]).unwrap_err();
    assert_eq!(short.to_string(), "data has 2 values, but must have 3 at least");
}

#[test]
fn images_are_put_in_the_policys_order() {
    let manifest = observing(&[("image", &[3, 5, 6])]);
    let map = "image = { topic = \"/camera\", type = \"sensor_msgs/msg/Image\", scale = 0.5 }";
    let pixels = Array3::from_shape_fn((5, 6, 3), |(y, x, channel)| (40 * channel + 6 * y + x) as u8);
    // Two bytes between rows.
    let rows = pixels.outer_iter().flat_map(|row| row.iter().copied().chain([255, 255]).collect::<Vec<u8>>());
    let image =
        Image { height: 5, width: 6, encoding: "rgb8".into(), step: 20, data: rows.collect(), ..Image::default() };
    let expected: Vec<f64> = pixels.view().permuted_axes([2, 0, 1]).iter().map(|byte| 0.5 * f64::from(*byte)).collect();
    let read = |image: &Image| observed(&manifest, map, &[Observed::Image(image.clone())]);
    assert_eq!(read(&image).unwrap(), expected);
    let swapped = read(&Image { encoding: "bgr8".into(), ..image.clone() }).unwrap();
    assert_eq!((&swapped[..30], &swapped[60..]), (&expected[60..], &expected[..30]), "red and blue");

    let refused = |image: Image| read(&image).unwrap_err().to_string();
    assert_eq!(
        refused(Image { width: 5, ..image.clone() }),
        "the image is 5 wide and 5 high, but must be 6 wide and 5 high"
    );
    assert_eq!(refused(Image { step: 17, ..image.clone() }), "step has 17 values, but must have 18 at least");
    assert_eq!(
        refused(Image { step: u32::MAX, ..image.clone() }),
        "data has 100 values, but must have 17179869198 at least"
    );
    let short = Image { data: image.data[..97].to_vec(), ..image.clone() };
    assert_eq!(refused(short), "data has 97 values, but must have 98 at least");
    let depth = Image { encoding: "16UC1".into(), ..image };
    assert_eq!(refused(depth), "the encoding is `16UC1`, but must be rgb8 or bgr8");
}

#[test]
fn a_message_that_is_refused_leaves_the_one_before_it() {
    let manifest = observing(&[("a", &[2]), ("b", &[1])]);
    let config = config(
        "rate = 10\n[observations]\n\
         a = { topic = \"/n\", type = \"std_msgs/msg/Float64MultiArray\", from = 0, to = 2 }\n\
         b = { topic = \"/n\", type = \"std_msgs/msg/Float64MultiArray\", from = 2, to = 3 }\n\
         [commands]\ntopic = \"/c\"\ntype = \"std_msgs/msg/Float64MultiArray\"",
    );
    let mut map = TopicMap::new(&manifest, &config).unwrap();
    let (first, second) = (Duration::from_secs(1), Duration::from_secs(2));
    assert_eq!(map.row(first, first), None, "nothing was observed");
    map.take(0, &array(&[1.0, 2.0, 3.0]), first).unwrap();
    assert!(map.take(0, &array(&[4.0, 5.0, f64::INFINITY]), second).is_err());
    assert_eq!(map.row(first, Duration::ZERO), Some(&[1.0, 2.0, 3.0][..]));
    assert_eq!(map.row(second, Duration::from_millis(999)), None, "it is stale");
}

#[test]
fn a_step_takes_of_each_topic_the_newest_at_or_before_it() {
    let manifest = observing(&[("a", &[1]), ("b", &[1])]);
    let config = config(
        "rate = 10\n[observations]\n\
         a = { topic = \"/a\", type = \"std_msgs/msg/Float64MultiArray\" }\n\
         b = { topic = \"/b\", type = \"std_msgs/msg/Float64MultiArray\" }\n\
         [commands]\ntopic = \"/c\"\ntype = \"std_msgs/msg/Float64MultiArray\"",
    );
    let mut map = TopicMap::new(&manifest, &config).unwrap();
    let (ms, stale) = (Duration::from_millis, Duration::from_millis(50));
    for time in 0..40 {
        map.take(0, &array(&[time as f64]), ms(1000 + 2 * time)).unwrap();
    }
    map.take(1, &array(&[7.0]), ms(1051)).unwrap();
    assert_eq!(map.row(ms(1051), stale), Some(&[25.0, 7.0][..]));
    assert_eq!(map.row(ms(1050), stale), None, "the other is from after it");
    // A simulator that begins again.
    map.take(0, &array(&[1.0]), ms(10)).unwrap();
    assert_eq!(map.row(ms(1051), stale), None);
    map.take(1, &array(&[2.0]), ms(10)).unwrap();
    assert_eq!(map.row(ms(12), stale), Some(&[1.0, 2.0][..]));
}

#[test]
fn stamps_that_are_no_times_are_refused() {
    let stamped = |sec, nanosec| {
        let mut state = JointState::default();
        state.header.stamp = Time { sec, nanosec };
        Observed::Joints(state).stamp()
    };
    assert_eq!(stamped(0, 0), Ok(None));
    assert_eq!(stamped(2, 5), Ok(Some(Duration::new(2, 5))));
    assert!(stamped(-1, 0).is_err() && stamped(1, 1_000_000_000).is_err());
    assert_eq!(array(&[]).stamp(), Ok(None));
}
