//! Shards: a run's seeds, divided among machines.
//!
//! Shard k of n, counted from 1, plays the episodes from ⌊(k − 1) e / n⌋ to ⌊k e / n⌋ of the e episodes, the last left out: they
//! follow one another, and every episode is in one shard.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where Slurm says which task of an array this is, and Kubernetes which pod of an indexed job, with what is added to it to count from
/// 1.
const INDICES: [(&str, u64); 2] = [("SLURM_ARRAY_TASK_ID", 0), ("JOB_COMPLETION_INDEX", 1)];

/// Which part of a run's episodes to play: `3/16`, the third of sixteen.
///
/// ```
/// use parapolicy_eval::Shard;
///
/// let shard: Shard = "3/4".parse()?;
/// assert_eq!(shard.of(100_000..100_010)?, 100_005..100_007);
/// assert!("5/4".parse::<Shard>().is_err());
/// # Ok::<(), parapolicy_eval::ShardError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// Why there is no such shard.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardError {
    /// It is not written as shards are.
    #[error(
        "shard: `{0}` is no K/N, such as 3/16, the third of sixteen; or /16, where the scheduler says which of them"
    )]
    Form(String),
    /// There is no shard of this number.
    #[error("shard: there is no shard {index} of {count}: they are counted from 1")]
    Index {
        /// Its number.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// No scheduler says which shard this is.
    #[error(
        "shard: /{0} is for the tasks of a scheduler, and neither SLURM_ARRAY_TASK_ID (tasks 1-{0}) nor JOB_COMPLETION_INDEX is set to one of them; give K/{0}"
    )]
    NoTask(u64),
    /// There are more shards than episodes.
    #[error("shard: {shard} of {episodes} episodes has none: use at most as many shards as there are episodes")]
    Empty {
        /// The shard.
        shard: Shard,
        /// Episodes of the whole.
        episodes: u64,
    },
}

impl Shard {
    /// Shard `index` of `count`, counted from 1.
    ///
    /// # Errors
    /// [`ShardError::Index`], where there is none.
    pub fn new(index: u64, count: u64) -> Result<Self, ShardError> {
        if (1..=count).contains(&index) { Ok(Self { index, count }) } else { Err(ShardError::Index { index, count }) }
    }

    /// The shard's part of all `seeds`.
    ///
    /// # Errors
    /// [`ShardError::Empty`], where there are fewer seeds than shards.
    pub fn of(self, seeds: Range<u64>) -> Result<Range<u64>, ShardError> {
        let episodes = seeds.end.saturating_sub(seeds.start);
        let at = |index: u64| {
            let before = u128::from(index) * u128::from(episodes) / u128::from(self.count);
            // At most `episodes`, as the index is at most the count.
            seeds.start + u64::try_from(before).unwrap_or(episodes)
        };
        let part = at(self.index - 1)..at(self.index);
        if part.is_empty() { Err(ShardError::Empty { shard: self, episodes }) } else { Ok(part) }
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    /// `K/N`; or `/N`, where K is `SLURM_ARRAY_TASK_ID`, or `JOB_COMPLETION_INDEX` + 1.
    fn from_str(text: &str) -> Result<Self, ShardError> {
        parse(text, |name| std::env::var(name).ok())
    }
}

fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
    let wrong = || ShardError::Form(text.to_owned());
    let (index, count) = text.split_once('/').ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    if !index.is_empty() {
        return Shard::new(index.parse().map_err(|_| wrong())?, count);
    }
    let said = INDICES.iter().find_map(|(name, added)| variable(name)?.parse::<u64>().ok()?.checked_add(*added));
    said.and_then(|index| Shard::new(index, count).ok()).ok_or(ShardError::NoTask(count))
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Seeds that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
    }
}

/// Which part of which run a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardReport {
    /// Which shard.
    pub shard: Shard,
    /// The seeds of the whole run.
    pub whole: Seeds,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Together the shards are the whole, in order, and none is more than one episode larger than another.
        #[test]
        fn shards_are_a_partition(first in 0..u64::MAX / 2, episodes in 1..10_000u64, count in 1..300u64) {
            let count = count.min(episodes);
            let seeds = first..first + episodes;
            let parts: Vec<_> =
                (1..=count).map(|index| Shard::new(index, count).unwrap().of(seeds.clone()).unwrap()).collect();
            prop_assert_eq!((parts[0].start, parts[parts.len() - 1].end), (seeds.start, seeds.end));
            prop_assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes = || parts.iter().map(|part| part.end - part.start);
            prop_assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
        }
    }

    #[test]
    fn schedulers_say_which_it_is() {
        let slurm = |name: &str| (name == "SLURM_ARRAY_TASK_ID").then(|| "16".to_owned());
        let kubernetes = |name: &str| (name == "JOB_COMPLETION_INDEX").then(|| "0".to_owned());
        assert_eq!(parse("/16", slurm), Shard::new(16, 16));
        assert_eq!(parse("/16", kubernetes), Shard::new(1, 16));
        assert_eq!(parse("2/16", slurm), Shard::new(2, 16), "what is stated counts");
        assert_eq!(parse("/15", slurm), Err(ShardError::NoTask(15)));
        assert_eq!(parse("/4", |_| None), Err(ShardError::NoTask(4)));
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "3", "a/4", "1/b", "-1/4", "1/4/2"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError::Form(text.to_owned())), "{text}");
        }
        for (index, count) in [(0, 4), (5, 4), (1, 0)] {
            assert_eq!(format!("{index}/{count}").parse::<Shard>(), Err(ShardError::Index { index, count }));
        }
        assert!(matches!("4/5".parse::<Shard>().unwrap().of(0..3), Err(ShardError::Empty { .. }) | Ok(_)));
        assert!(matches!("1/5".parse::<Shard>().unwrap().of(0..3), Err(ShardError::Empty { episodes: 3, .. })));
    }
}
