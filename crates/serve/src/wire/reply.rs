//! What the server says: metadata once, then a reply to each request.

use std::time::Duration;

use ndarray::Array2;
use parapolicy_policy::{Entry, Manifest};

use super::writer::Writer;

/// What comes of a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Actions from now on, in raw units, `[n, action_dim]`; none where nothing was planned.
    pub actions: Option<Array2<f64>>,
    /// The episode's seed.
    pub seed: u64,
    /// The plan's number in its episode.
    pub plan: u64,
    /// Calls of the network, and rows in them.
    pub rounds: usize,
    pub evaluations: usize,
    /// How far the plan moved in its last round, where the deadline cut it short.
    pub residual: Option<f64>,
    /// From the observation's arrival to the plan.
    pub latency: Duration,
    /// From the arrival of the request before to its reply sent.
    pub previous: Option<Duration>,
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

impl Reply {
    /// The message.
    pub fn pack(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(if self.actions.is_some() { 4 } else { 3 });
        if let Some(actions) = &self.actions {
            writer.text("actions").matrix(actions.view());
        }
        let latency = milliseconds(self.latency);
        writer.text("policy_timing").map(1).text("infer_ms").number(latency);
        writer.text("server_timing").map(if self.previous.is_some() { 2 } else { 1 }).text("infer_ms").number(latency);
        if let Some(previous) = self.previous {
            writer.text("prev_total_ms").number(milliseconds(previous));
        }
        writer.text("parapolicy").map(if self.residual.is_some() { 5 } else { 4 });
        writer.text("seed").integer(self.seed).text("plan").integer(self.plan);
        writer.text("rounds").integer(self.rounds as u64).text("evaluations").integer(self.evaluations as u64);
        if let Some(residual) = self.residual {
            writer.text("residual").number(residual);
        }
        writer.into_bytes()
    }
}

/// What a client is told when it has connected: the policy and its shapes, the keys it asks for, the episode's seed.
pub fn metadata<'k>(manifest: &Manifest, keys: impl ExactSizeIterator<Item = &'k str>, seed: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer
        .map(8)
        .text("policy")
        .text(&manifest.name)
        .text("server")
        .text(concat!("parapolicy ", env!("CARGO_PKG_VERSION")));
    writer.text("seed").integer(seed);
    writer.text("n_obs_steps").integer(manifest.n_obs_steps as u64);
    writer.text("n_action_steps").integer(manifest.n_action_steps as u64);
    writer.text("action_dim").integer(manifest.action_dim() as u64);
    writer.text("observations").map(manifest.observations.len() as u32);
    for Entry { name, shape, .. } in &manifest.observations {
        writer.text(name).list(shape.len() as u32);
        shape.iter().for_each(|side| _ = writer.integer(*side as u64));
    }
    writer.text("keys").list(keys.len() as u32);
    keys.for_each(|key| _ = writer.text(key));
    writer.into_bytes()
}
