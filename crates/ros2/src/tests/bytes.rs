//! Messages have the bytes that rosbags gives them: `tests/peers/messages.py` has the same values.

use std::fmt::Debug;
use std::path::Path;

use ros2_client::dds::rustdds::RepresentationIdentifier;
use ros2_client::dds::rustdds::no_key::SerializerAdapter as _;
use ros2_client::dds::rustdds::serialization::{CDRSerializerAdapter, deserialize_from_cdr_with_rep_id};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::{
    DiagnosticArray, DiagnosticStatus, Float64MultiArray, Header, Image, JointState, JointTrajectory,
    JointTrajectoryPoint, KeyValue, MultiArrayDimension, MultiArrayLayout, Pose, PoseStamped, Time, TriggerRequest,
    TriggerResponse,
};

/// Writes and reads it as the node does.
#[track_caller]
fn check<M: Serialize + DeserializeOwned + PartialEq + Debug>(file: &str, message: &M) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let bytes = std::fs::read(folder.join(file).with_extension("cdr")).unwrap();
    let (head, body) = bytes.split_at(4);
    assert_eq!(head, [0, 1, 0, 0], "{file}: CDR, little-endian");
    let written = CDRSerializerAdapter::<M>::to_bytes(message).unwrap();
    assert_eq!(&written[..], body, "{file} as it is written");
    let (read, length) = deserialize_from_cdr_with_rep_id::<M>(body, RepresentationIdentifier::CDR_LE).unwrap();
    assert_eq!((&read, length), (message, body.len()), "{file} as it is read");
    for end in 0..body.len() {
        let cut = deserialize_from_cdr_with_rep_id::<M>(&body[..end], RepresentationIdentifier::CDR_LE);
        assert!(cut.is_err(), "{file}: {end} of {} bytes are read", body.len());
    }
}

fn header(frame_id: &str) -> Header {
    Header { stamp: Time { sec: 1_700_000_000, nanosec: 123_456_789 }, frame_id: frame_id.to_owned() }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn messages_have_the_bytes_of_rosbags() {
    check(
        "joint_state",
        &JointState {
            header: header("base"),
            name: words(&["a", "elbow", "wrist_3"]),
            position: vec![0.1, -2.5, 3.0],
            velocity: vec![1.0, 2.0, 3.0],
            effort: vec![],
        },
    );
    check(
        "image",
        &Image {
            header: header("camera"),
            height: 2,
            width: 3,
            encoding: "rgb8".to_owned(),
            is_bigendian: 0,
            step: 10,
            data: (0..20).collect(),
        },
    );
    let pose = Pose { position: [0.5, -1.0, 2.0], orientation: [0.0, 0.6, 0.0, 0.8] };
    check("pose_stamped", &PoseStamped { header: header("map"), pose });
    let dim = vec![MultiArrayDimension { label: "row".to_owned(), size: 2, stride: 6 }];
    check(
        "float64_multi_array",
        &Float64MultiArray { layout: MultiArrayLayout { dim, data_offset: 0 }, data: vec![1.5, -2.0, 3e300] },
    );
    check("plain_array", &Float64MultiArray { data: vec![256.0, 400.0], ..Float64MultiArray::default() });
    let point = JointTrajectoryPoint {
        positions: vec![0.25, -0.5],
        time_from_start: Time { sec: 0, nanosec: 20_000_000 },
        ..JointTrajectoryPoint::default()
    };
    check(
        "joint_trajectory",
        &JointTrajectory { header: header(""), joint_names: words(&["x", "y"]), points: vec![point] },
    );
    let values = [("plans", "7"), ("problem", "")];
    let values = values.map(|(key, value)| KeyValue { key: key.to_owned(), value: value.to_owned() }).to_vec();
    let (name, message) = ("/parapolicy: controller".to_owned(), "running".to_owned());
    let status = vec![DiagnosticStatus { level: 1, name, message, hardware_id: String::new(), values }];
    check("diagnostic_array", &DiagnosticArray { header: header(""), status });
    check("trigger_request", &TriggerRequest::default());
    check("trigger_response", &TriggerResponse { success: true, message: "stopped".to_owned() });
}
