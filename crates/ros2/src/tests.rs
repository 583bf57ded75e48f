//! Maps, messages, and the robot without a network.

mod bytes;
mod maps;
mod robot;

use parapolicy_policy::Manifest;

use crate::config::Ros2Config;

/// The shipped policy: nine keypoints and the agent, two actions.
fn manifest() -> Manifest {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    Manifest::load(directory.as_ref()).unwrap()
}

/// A configuration, from a file that is gone again.
fn config(text: &str) -> Ros2Config {
    try_config(text).unwrap()
}

fn try_config(text: &str) -> Result<Ros2Config, crate::Ros2Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    Ros2Config::load(&path)
}

const PUSHT: &str = r#"
rate = 10.0
[observations]
keypoints = { topic = "/keypoints", type = "std_msgs/msg/Float64MultiArray" }
agent = { topic = "/joint_states", type = "sensor_msgs/msg/JointState", joints = ["x", "y"] }
[commands]
topic = "/command"
type = "std_msgs/msg/Float64MultiArray"
[control]
initial = "agent"
"#;
