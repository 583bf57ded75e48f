//! Values far outside of what a policy was trained on.
//!
//! A network extrapolates without a word: a joint in degrees where radians were meant, or a camera's bytes where it was trained on 0 to
//! 1, make a plan like any other. The statistics that observations are normalised with say where they lay in training. A value `x` is
//! far outside if
//!
//! ```text
//! |2 (x − min)/(max − min) − 1| > 3       a whole range beyond the range
//! |x − mean| > 10 std
//! ```
//!
//! Beyond 10 deviations lies at most 1 % of any distribution at all (Chebyshev), and there the Baselines of `OpenAI` cut what a policy observes
//! (`VecNormalize`, `clipob`; Dhariwal et al. 2017). Three half ranges are about as much: a thousand normal numbers spread over ±3.2
//! deviations. Nothing is said of entries that are not normalised.

mod watch;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView1, s};
use parapolicy_policy::{Entry, Normalization};

pub use watch::RangeWatch;

/// What such an event is called.
pub(crate) const FAR_OUTSIDE: &str = "far outside";

/// Half ranges, and standard deviations, within which a value must lie.
const HALF_RANGES: f64 = 3.0;
const DEVIATIONS: f64 = 10.0;

/// What the values of an entry were in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainedOn {
    /// From the smallest to the largest.
    Range {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Their mean and standard deviation.
    Spread {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
}

impl TrainedOn {
    /// Smallest and largest value that is not far outside.
    fn bounds(self) -> [f64; 2] {
        let (centre, reach) = match self {
            Self::Range { min, max } => (min / 2.0 + max / 2.0, HALF_RANGES * (max / 2.0 - min / 2.0)),
            Self::Spread { mean, std } => (mean, DEVIATIONS * std),
        };
        [centre - reach, centre + reach]
    }
}

impl fmt::Display for TrainedOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As many digits as networks have.
        match *self {
            Self::Range { min, max } => write!(f, "{} to {}", min as f32, max as f32),
            Self::Spread { mean, std } => write!(f, "mean {}, standard deviation {}", mean as f32, std as f32),
        }
    }
}

/// A value of an observation that is far outside of what the policy was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct FarOutside {
    /// The entry's name.
    pub entry: Arc<str>,
    /// Which of its numbers is the first that is, in row-major order.
    pub index: usize,
    /// The value, in raw units.
    pub value: f64,
    /// What such values were in training.
    pub trained: TrainedOn,
}

impl fmt::Display for FarOutside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, index, value, trained } = self;
        write!(f, "`{entry}`[{index}] is {value}, far outside of what the policy was trained on: {trained}")
    }
}

/// What a policy was trained on, and which entries are far outside of it now.
#[derive(Debug)]
pub struct Trained {
    entries: Arc<[Known]>,
    /// Of each of them, whether it was at the last observation.
    outside: Vec<AtomicBool>,
}

/// An entry whose statistics are known.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    /// Its numbers of an observation.
    numbers: Range<usize>,
    /// Of each of its numbers, or one where all have the same, as those of an image have.
    trained: Vec<TrainedOn>,
    bounds: Vec<[f64; 2]>,
}

impl Trained {
    /// For observations of these entries.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut first = 0;
        let known = entries.iter().filter_map(|entry| {
            let numbers = first..first + entry.len();
            first = numbers.end;
            Known::new(entry, numbers)
        });
        Self { entries: known.collect(), outside: Vec::new() }.afresh()
    }

    /// The same, for which all is well so far: an episode begins.
    #[must_use]
    pub fn afresh(&self) -> Self {
        let outside = self.entries.iter().map(|_| AtomicBool::new(false)).collect();
        Self { entries: Arc::clone(&self.entries), outside }
    }

    /// Forgets which entries were far outside.
    pub fn forget(&self) {
        self.outside.iter().for_each(|outside| outside.store(false, Ordering::Relaxed));
    }

    /// Hands over, of each entry that is far outside in `observation`, `[observation_dim]`, and was not at the one before, the
    /// first such value. It neither locks nor allocates.
    pub fn look(&self, observation: ArrayView1<'_, f64>, mut tell: impl FnMut(FarOutside)) {
        for (known, outside) in self.entries.iter().zip(&self.outside) {
            let Some(values) = known.of(&observation) else { continue };
            let found = known.first_outside(values);
            let was_outside = outside.swap(found.is_some(), Ordering::Relaxed);
            if let Some(found) = found.filter(|_| !was_outside) {
                tell(found);
            }
        }
    }
}

impl Known {
    fn new(entry: &Entry, numbers: Range<usize>) -> Option<Self> {
        let mut trained: Vec<TrainedOn> = match &entry.normalization {
            Normalization::MinMax { min, max } => {
                min.iter().zip(max).map(|(min, max)| TrainedOn::Range { min: *min, max: *max }).collect()
            }
            Normalization::MeanStd { mean, std } => {
                mean.iter().zip(std).map(|(mean, std)| TrainedOn::Spread { mean: *mean, std: *std }).collect()
            }
            Normalization::Identity {} => return None,
        };
        if trained.windows(2).all(|pair| pair[0] == pair[1]) {
            trained.truncate(1);
        }
        let bounds = trained.iter().map(|trained| trained.bounds()).collect();
        Some(Self { name: Arc::from(entry.name.as_str()), numbers, trained, bounds })
    }

    /// Its numbers, if the observation has as many.
    fn of<'a>(&self, observation: &ArrayView1<'a, f64>) -> Option<ArrayView1<'a, f64>> {
        let Range { start, end } = self.numbers;
        (end <= observation.len()).then(|| observation.slice_move(s![start..end]))
    }

    fn first_outside(&self, values: ArrayView1<'_, f64>) -> Option<FarOutside> {
        let mut bounds = values.iter().zip(self.bounds.iter().cycle());
        let index = bounds.position(|(value, [low, high])| !(*low..=*high).contains(value))?;
        let (value, trained) = (values[index], self.trained[index % self.trained.len()]);
        Some(FarOutside { entry: Arc::clone(&self.name), index, value, trained })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use ndarray::aview1;
    use serde_json::{Value, json};

    use super::*;

    fn trained(normalizations: &[(&str, usize, Value)]) -> Trained {
        let entry = |(name, len, normalization): &(&str, usize, Value)| {
            serde_json::from_value(json!({"name": name, "shape": [len], "normalization": normalization})).unwrap()
        };
        Trained::of(&normalizations.iter().map(entry).collect::<Vec<Entry>>())
    }

    fn told(trained: &Trained, observation: &[f64]) -> Vec<String> {
        let mut told = Vec::new();
        trained.look(aview1(observation), |found| told.push(found.to_string()));
        told
    }

    /// What the manifest's own normalisation makes of a value says whether it is far outside.
    #[test]
    fn a_value_is_far_outside_where_its_normalised_value_is() {
        let range = json!({"mode": "min_max", "min": [-0.3, 12.0], "max": [0.1, 512.0]});
        let spread = json!({"mode": "mean_std", "mean": [7.0, -2.0], "std": [0.25, 30.0]});
        for (normalization, limit) in [(range, 3.0_f64), (spread, 10.0)] {
            let trained = trained(&[("a", 2, normalization.clone())]);
            let normalization: Normalization = serde_json::from_value(normalization).unwrap();
            for index in 0..2 {
                for y in [-1.001 * limit, -0.999 * limit, 0.0, 0.999 * limit, 1.001 * limit] {
                    let mut observation = [0, 1].map(|index| normalization.denormalize(index, 0.0));
                    observation[index] = normalization.denormalize(index, y as f32);
                    assert_eq!(told(&trained.afresh(), &observation).len(), usize::from(y.abs() > limit), "{y}");
                }
            }
        }
    }

    #[test]
    fn an_entry_is_told_once_until_it_is_back() {
        let range = json!({"mode": "min_max", "min": [0.0, 0.0], "max": [1.0, 2.0]});
        let spread = json!({"mode": "mean_std", "mean": [0.5], "std": [0.1]});
        let all = [("free", 1, json!({"mode": "identity"})), ("joints", 2, range), ("force", 1, spread)];
        let trained = trained(&all);
        let joints = "`joints`[1] is 60, far outside of what the policy was trained on: 0 to 2";
        let force = "`force`[0] is -1, far outside of what the policy was trained on: mean 0.5, standard deviation 0.1";
        assert_eq!(told(&trained, &[1e9, 0.5, 1.0, 0.5]), [""; 0]);
        assert_eq!(told(&trained, &[1e9, 0.5, 60.0, 0.5]), [joints]);
        assert_eq!(told(&trained, &[1e9, 50.0, 60.0, 0.5]), [""; 0], "it was told");
        assert_eq!(told(&trained, &[1e9, 50.0, 60.0, -1.0]), [force]);
        assert_eq!(told(&trained, &[1e9, 0.5, 1.0, -1.0]), [""; 0], "it is back");
        assert_eq!(told(&trained, &[1e9, 0.5, 60.0, -1.0]), [joints]);
        trained.forget();
        assert_eq!(told(&trained, &[1e9, 0.5, 60.0, -1.0]), [joints, force]);
        assert_eq!(told(&trained.afresh(), &[0.0; 2]), [""; 0], "there are no such numbers");
    }

    /// As those of an image.
    #[test]
    fn statistics_that_are_the_same_are_kept_once() {
        let bytes = json!({"mode": "min_max", "min": vec![0.0; 12], "max": vec![1.0; 12]});
        let trained = trained(&[("camera", 12, bytes)]);
        assert_eq!(trained.entries[0].bounds, [[-1.0, 2.0]]);
        let mut image = [1.0; 12];
        image[7] = 255.0;
        assert_eq!(
            told(&trained, &image),
            ["`camera`[7] is 255, far outside of what the policy was trained on: 0 to 1"]
        );
    }
}
