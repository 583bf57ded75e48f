//! Settings of a realtime loop, for a report.

use serde::{Deserialize, Serialize};

use parapolicy_control::clock::RealtimeSupport;
use parapolicy_control::controller::Continuity;

fn independent() -> String {
    Continuity::default().to_string()
}

/// Settings of a realtime loop: the environment did not wait for plans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealtimeReport {
    /// `real` or `virtual`.
    pub clock: String,
    /// Control steps per second.
    pub rate_hz: f64,
    /// When a plan was requested, as on the command line.
    pub replan: String,
    /// How plans took over from each other, as on the command line.
    pub blend: String,
    /// What was sent when plans had run out, as on the command line.
    pub late: String,
    /// How plans related to each other, as on the command line; plans of older reports were independent.
    #[serde(default = "independent")]
    pub continuity: String,
    /// What sampling took on the virtual clock, as on the command line.
    pub latency: Option<String>,
    /// Realtime support from the operating system, where it was requested.
    pub realtime: Option<RealtimeSupport>,
}
