use serde::{Deserialize, Serialize};

use parapolicy_control::clock::RealtimeSupport;

/// How a loop ran in which the world did not wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealtimeReport {
    /// `real` or `virtual`.
    pub clock: String,
    /// Control steps a second.
    pub rate_hz: f64,
    /// When a plan was asked for, as on the command line.
    pub replan: String,
    /// How plans took over from each other, as on the command line.
    pub blend: String,
    /// What was sent when plans had run out, as on the command line.
    pub late: String,
    /// What sampling took on the virtual clock, as on the command line.
    pub latency: Option<String>,
    /// What the operating system gave, where it was asked.
    pub realtime: Option<RealtimeSupport>,
}
