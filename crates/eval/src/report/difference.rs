//! Paired differences in reward.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{EpisodeReport, mean};
use crate::interval::ENOUGH;
use crate::{Interval, bootstrap_mean};

/// Difference in reward, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// 95 % bootstrap interval of that mean; none where the seeds are too few, or the differences all the same.
    pub interval: Option<Interval>,
    /// Seeds that are in both.
    #[serde(default)]
    pub seeds: usize,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::More => "more, beyond chance",
            Self::Less => "less, beyond chance",
            Self::Undecided => "not told apart by these episodes",
            Self::Same => "the same on every seed",
            Self::TooFew => "too few episodes to tell them apart",
        })
    }
}

/// What a difference tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The second earns more: the interval is above 0.
    More,
    /// The second earns less: the interval is below 0.
    Less,
    /// The interval holds 0.
    Undecided,
    /// Every seed has the same reward in both.
    Same,
    /// There is no interval: too few seeds.
    TooFew,
}

impl Difference {
    /// Reward of `second` minus reward of `first`, paired by seed; `None` if no seed is in both.
    #[must_use]
    pub fn between(first: &[EpisodeReport], second: &[EpisodeReport]) -> Option<Self> {
        let differences: Vec<f64> = paired_rewards(first, second).map(|(_, [before, after])| after - before).collect();
        let seeds = differences.len();
        let interval = bootstrap_mean(&differences);
        (seeds > 0).then(|| Self { interval, mean: mean(differences.iter().copied()), seeds })
    }

    /// Whether the interval tells the two apart.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.interval {
            Some(Interval { low, .. }) if low > 0.0 => Verdict::More,
            Some(Interval { high, .. }) if high < 0.0 => Verdict::Less,
            Some(_) => Verdict::Undecided,
            None if self.mean == 0.0 && self.seeds >= ENOUGH => Verdict::Same,
            None => Verdict::TooFew,
        }
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
