//! Foxglove's messages for scenes and events, of <https://docs.foxglove.dev/docs/visualization/message-schemas>; their
//! descriptors are in `schemas`.

use prost::Message;

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// Of ns since 1970.
    pub fn of(log_time: u64) -> Self {
        const SECOND: u64 = 1_000_000_000;
        // Both fit.
        Self {
            seconds: i64::try_from(log_time / SECOND).unwrap_or_default(),
            nanos: i32::try_from(log_time % SECOND).unwrap_or_default(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Vector3 {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Quaternion {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
    #[prost(double, tag = "4")]
    pub w: f64,
}

/// `foxglove.FrameTransforms`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FrameTransforms {
    #[prost(message, repeated, tag = "1")]
    pub transforms: Vec<FrameTransform>,
}

/// `foxglove.FrameTransform`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FrameTransform {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub parent_frame_id: String,
    #[prost(string, tag = "3")]
    pub child_frame_id: String,
    #[prost(message, optional, tag = "4")]
    pub translation: Option<Vector3>,
    #[prost(message, optional, tag = "5")]
    pub rotation: Option<Quaternion>,
}

/// `foxglove.Pose`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Pose {
    #[prost(message, optional, tag = "1")]
    pub position: Option<Vector3>,
    #[prost(message, optional, tag = "2")]
    pub orientation: Option<Quaternion>,
}

/// `foxglove.PointCloud`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PointCloud {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub frame_id: String,
    #[prost(message, optional, tag = "3")]
    pub pose: Option<Pose>,
    #[prost(fixed32, tag = "4")]
    pub point_stride: u32,
    #[prost(message, repeated, tag = "5")]
    pub fields: Vec<PackedElementField>,
    #[prost(bytes = "vec", tag = "6")]
    pub data: Vec<u8>,
}

/// `foxglove.PackedElementField`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PackedElementField {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(fixed32, tag = "2")]
    pub offset: u32,
    /// 1 is an unsigned byte, 8 an `f64`.
    #[prost(int32, tag = "3")]
    pub numeric_type: i32,
}

/// `foxglove.Log`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Log {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// 2 is information, 3 a warning.
    #[prost(int32, tag = "2")]
    pub level: i32,
    #[prost(string, tag = "3")]
    pub message: String,
    #[prost(string, tag = "4")]
    pub name: String,
}

/// Points with colours, in a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Points {
    data: Vec<u8>,
}

impl Points {
    /// `[x, y, z]` as `f64`, then red, green, blue and opacity.
    const STRIDE: u32 = 28;

    pub fn push(&mut self, [x, y]: [f64; 2], [red, green, blue]: [u8; 3]) {
        [x, y, 0.0].into_iter().for_each(|number| self.data.extend(number.to_le_bytes()));
        self.data.extend([red, green, blue, u8::MAX]);
    }

    pub fn extend(&mut self, points: &[[f64; 2]], colour: [u8; 3]) {
        points.iter().for_each(|point| self.push(*point, colour));
    }

    /// The message, of points in a frame.
    pub fn cloud(&self, log_time: u64, frame_id: &str) -> PointCloud {
        let field = |name: &str, offset, numeric_type| PackedElementField { name: name.into(), offset, numeric_type };
        let places = (0..).step_by(8).zip(["x", "y", "z"]).map(|(offset, name)| field(name, offset, 8));
        let colours = (24..).zip(["red", "green", "blue", "alpha"]).map(|(offset, name)| field(name, offset, 1));
        PointCloud {
            timestamp: Some(Timestamp::of(log_time)),
            frame_id: frame_id.into(),
            pose: Some(Pose { position: Some(Vector3::default()), orientation: Some(NOT_TURNED) }),
            point_stride: Self::STRIDE,
            fields: places.chain(colours).collect(),
            data: self.data.clone(),
        }
    }
}

const NOT_TURNED: Quaternion = Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 1.0 };

/// Turned by half a turn about the x axis: y and z point the other way.
const UPSIDE_DOWN: Quaternion = Quaternion { x: 1.0, y: 0.0, z: 0.0, w: 0.0 };

impl FrameTransform {
    /// Where a frame lies on another, and how far it is turned there about z, in rad.
    pub fn planar(log_time: u64, [parent, child]: [&str; 2], [x, y, angle]: [f64; 3]) -> Self {
        let rotation = Quaternion { x: 0.0, y: 0.0, z: (angle / 2.0).sin(), w: (angle / 2.0).cos() };
        Self::of(log_time, [parent, child], [x, y], rotation)
    }

    /// A frame at the origin of another, whose y axis may point the other way.
    pub fn root(log_time: u64, frames: [&str; 2], y_is_down: bool) -> Self {
        Self::of(log_time, frames, [0.0; 2], if y_is_down { UPSIDE_DOWN } else { NOT_TURNED })
    }

    fn of(log_time: u64, [parent, child]: [&str; 2], [x, y]: [f64; 2], rotation: Quaternion) -> Self {
        Self {
            timestamp: Some(Timestamp::of(log_time)),
            parent_frame_id: parent.into(),
            child_frame_id: child.into(),
            translation: Some(Vector3 { x, y, z: 0.0 }),
            rotation: Some(rotation),
        }
    }
}
