//! How plans become commands in the loop, where nothing is said of it.

use std::time::Duration;

use parapolicy_control::controller::{ControllerConfig, Replan};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_policy::Manifest;

/// How many horizons old the observation behind a plan may be: with one a second late there is still a plan to follow.
const HORIZONS: u32 = 2;

/// A controller's configuration for control steps of `period`. What is not given is left to be: the next plan after as many actions
/// as the policy executes, plans that are switched between, and played to their end.
///
/// The limits are none, and the command before the first plan is zero until the environment says where it rests.
#[must_use]
pub fn controller_config(
    manifest: &Manifest,
    period: Duration,
    replan: Option<Replan>,
    blend: Option<Blend>,
    late: Option<Late>,
) -> ControllerConfig {
    let horizon = u32::try_from(manifest.horizon).unwrap_or(u32::MAX);
    let playback = PlaybackConfig {
        period,
        blend: blend.unwrap_or(Blend::Switch),
        late: late.unwrap_or(Late::Finish),
        limits: Limits::default(),
        max_age: period.saturating_mul(horizon.saturating_mul(HORIZONS)),
        initial: vec![0.0; manifest.action_dim()],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig::of(manifest, playback, replan.unwrap_or(Replan::Every(manifest.n_action_steps)))
}
