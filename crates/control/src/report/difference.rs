use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{EpisodeReport, mean};
use crate::{Interval, bootstrap_mean};

/// A paired difference: what the same seeds earned here less what they earned there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// 95 % bootstrap interval of that mean.
    pub interval: Interval,
}

impl Difference {
    /// What `episodes` earned less what those of the same seeds earned in `less`; `None` if no seed is in both.
    #[must_use]
    pub fn paired(episodes: &[EpisodeReport], less: &[EpisodeReport]) -> Option<Self> {
        let differences: Vec<f64> = paired_rewards(episodes, less).map(|(_, difference)| difference).collect();
        Some(Self { interval: bootstrap_mean(&differences)?, mean: mean(differences.iter().copied()) })
    }
}

/// The seeds that are in both, with what the episode earned less what that of `less` earned.
pub fn paired_rewards<'a>(
    episodes: &'a [EpisodeReport],
    less: &'a [EpisodeReport],
) -> impl Iterator<Item = (u64, f64)> + 'a {
    let earned: HashMap<u64, f64> = less.iter().map(|episode| (episode.seed, episode.reward)).collect();
    episodes.iter().filter_map(move |episode| Some((episode.seed, episode.reward - earned.get(&episode.seed)?)))
}
