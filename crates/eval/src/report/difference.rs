//! Paired differences in reward.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{EpisodeReport, mean};
use crate::{Interval, bootstrap_mean};

/// Difference in reward, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// 95 % bootstrap interval of that mean.
    pub interval: Interval,
}

impl Difference {
    /// Reward of `second` minus reward of `first`, paired by seed; `None` if no seed is in both.
    #[must_use]
    pub fn between(first: &[EpisodeReport], second: &[EpisodeReport]) -> Option<Self> {
        let differences: Vec<f64> = paired_rewards(first, second).map(|(_, [before, after])| after - before).collect();
        Some(Self { interval: bootstrap_mean(&differences)?, mean: mean(differences.iter().copied()) })
    }
}

/// The seeds that are in both, in the order of `second`, with the reward in each.
pub fn paired_rewards<'a>(
    first: &'a [EpisodeReport],
    second: &'a [EpisodeReport],
) -> impl Iterator<Item = (u64, [f64; 2])> + 'a {
    let earned: HashMap<u64, f64> = first.iter().map(|episode| (episode.seed, episode.reward)).collect();
    second.iter().filter_map(move |episode| Some((episode.seed, [*earned.get(&episode.seed)?, episode.reward])))
}
