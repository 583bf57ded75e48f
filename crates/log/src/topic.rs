//! The topics of a log, their schemas and encodings.

/// A topic that every log has. The bodies of a scene have topics of their own besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    RecordObservation,
    RecordPlan,
    RecordRound,
    RecordCommand,
    RecordStep,
    RecordEvent,
    RecordLatency,
    Observation,
    Action,
    Reward,
    SamplingTime,
    ObservationAge,
    Scene,
    Plan,
    Rounds,
    Target,
    Event,
}

/// Of a topic or of several: what their messages are, and how they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    pub name: &'static str,
    pub encoding: &'static str,
    pub data: &'static [u8],
    pub message_encoding: &'static str,
}

impl Topic {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; 17] = [
        Self::RecordObservation,
        Self::RecordPlan,
        Self::RecordRound,
        Self::RecordCommand,
        Self::RecordStep,
        Self::RecordEvent,
        Self::RecordLatency,
        Self::Observation,
        Self::Action,
        Self::Reward,
        Self::SamplingTime,
        Self::ObservationAge,
        Self::Scene,
        Self::Plan,
        Self::Rounds,
        Self::Target,
        Self::Event,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RecordObservation => "/record/observation",
            Self::RecordPlan => "/record/plan",
            Self::RecordRound => "/record/round",
            Self::RecordCommand => "/record/command",
            Self::RecordStep => "/record/step",
            Self::RecordEvent => "/record/event",
            Self::RecordLatency => "/record/latency",
            Self::Observation => "/observation",
            Self::Action => "/action",
            Self::Reward => "/reward",
            Self::SamplingTime => "/latency/sampling_ms",
            Self::ObservationAge => "/latency/observation_age_ms",
            Self::Scene => "/scene",
            Self::Plan => "/plan",
            Self::Rounds => "/plan/rounds",
            Self::Target => "/target",
            Self::Event => "/event",
        }
    }

    pub const fn schema(self) -> Schema {
        match self {
            Self::RecordObservation => record("parapolicy.Observation"),
            Self::RecordPlan => record("parapolicy.Plan"),
            Self::RecordRound => record("parapolicy.Round"),
            Self::RecordCommand => record("parapolicy.Command"),
            Self::RecordStep => record("parapolicy.Step"),
            Self::RecordEvent => record("parapolicy.Event"),
            Self::RecordLatency => record("parapolicy.Latency"),
            Self::Observation | Self::Action | Self::Reward | Self::SamplingTime | Self::ObservationAge => NUMBERS,
            Self::Scene => {
                protobuf("foxglove.FrameTransforms", include_bytes!("../schemas/foxglove.FrameTransforms.bin"))
            }
            Self::Plan | Self::Rounds | Self::Target => POINTS,
            Self::Event => protobuf("foxglove.Log", include_bytes!("../schemas/foxglove.Log.bin")),
        }
    }
}

/// Numbers that are plotted: the only messages of this kind that rerun takes for plots and Foxglove knows, too.
const NUMBERS: Schema = Schema {
    name: "std_msgs/msg/Float64MultiArray",
    encoding: "ros2msg",
    data: include_bytes!("../schemas/std_msgs.Float64MultiArray.msg"),
    message_encoding: "cdr",
};

/// Points of a scene.
pub(super) const POINTS: Schema = protobuf("foxglove.PointCloud", include_bytes!("../schemas/foxglove.PointCloud.bin"));

const fn record(name: &'static str) -> Schema {
    protobuf(name, include_bytes!("../schemas/parapolicy.bin"))
}

const fn protobuf(name: &'static str, data: &'static [u8]) -> Schema {
    Schema { name, encoding: "protobuf", data, message_encoding: "protobuf" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_at_the_place_of_its_number() {
        assert!(Topic::ALL.iter().enumerate().all(|(place, topic)| *topic as usize == place));
    }
}
