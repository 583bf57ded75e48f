//! Statistics of every feature, with the formulas of LeRobot's `compute_stats.py`.

use parapolicy_pusht::Frame;
use serde_json::{Map, Value, json};

use crate::parquet_table::{Column, Values};

/// The quantiles that are kept, and what they are called.
const QUANTILES: [f64; 5] = [0.01, 0.1, 0.5, 0.9, 0.99];

/// Quantiles are read off a histogram of so many bins,
const BINS: f64 = 5000.0;

/// which reaches this far over both ends.
const PADDING: f64 = 1e-10;

/// Statistics of one number of a feature.
#[derive(Clone, Copy)]
struct Figures {
    min: f64,
    max: f64,
    mean: f64,
    std: f64,
    quantiles: [f64; 5],
}

type Figure = (&'static str, fn(&Figures) -> f64);

const FIGURES: [Figure; 9] = [
    ("min", |of| of.min),
    ("max", |of| of.max),
    ("mean", |of| of.mean),
    ("std", |of| of.std),
    ("q01", |of| of.quantiles[0]),
    ("q10", |of| of.quantiles[1]),
    ("q50", |of| of.quantiles[2]),
    ("q90", |of| of.quantiles[3]),
    ("q99", |of| of.quantiles[4]),
];

impl Figures {
    /// Statistics of numbers in ascending order, at least one.
    fn of(sorted: &[f64]) -> Self {
        let count = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / count;
        let variance = sorted.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        // All quantiles of a single number are that number.
        let quantiles = QUANTILES.map(|share| if sorted.len() < 2 { mean } else { quantile(sorted, share) });
        Self { min: sorted[0], max: sorted[sorted.len() - 1], mean, std: variance.sqrt(), quantiles }
    }

    fn scaled(self, by: f64) -> Self {
        let Self { min, max, mean, std, quantiles } = self;
        Self { min: by * min, max: by * max, mean: by * mean, std: by * std, quantiles: quantiles.map(|x| by * x) }
    }

    /// Combines the statistics of several parts, each with its share of the whole; quantiles are averaged, as LeRobot
    /// does.
    fn combined(parts: &[(f64, Self)]) -> Self {
        let mean = |of: &dyn Fn(&Self) -> f64| parts.iter().map(|(share, part)| share * of(part)).sum::<f64>();
        let centre = mean(&|part| part.mean);
        let variance = mean(&|part| part.std.powi(2) + (part.mean - centre).powi(2));
        Self {
            min: parts.iter().map(|(_, part)| part.min).fold(f64::INFINITY, f64::min),
            max: parts.iter().map(|(_, part)| part.max).fold(f64::NEG_INFINITY, f64::max),
            mean: centre,
            std: variance.sqrt(),
            quantiles: std::array::from_fn(|at| mean(&|part| part.quantiles[at])),
        }
    }
}

/// The value that a share of the numbers does not exceed, interpolated within a bin of the histogram.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let (low, high) = (sorted[0] - PADDING, sorted[sorted.len() - 1] + PADDING);
    let width = (high - low) / BINS;
    let bin = |x: f64| ((x - low) / width).floor().min(BINS - 1.0);
    let target = share * sorted.len() as f64;
    let reached = bin(sorted[(target.ceil() as usize).max(1) - 1]);
    if reached == 0.0 {
        return low;
    }
    let before = sorted.partition_point(|&x| bin(x) < reached);
    let within = sorted.partition_point(|&x| bin(x) <= reached) - before;
    low + width * (reached + (target - before as f64) / within as f64)
}

/// Statistics of a feature.
pub struct Statistics {
    /// The shape of each figure: for images, one number per channel.
    shape: Vec<usize>,
    /// The rows that they are of.
    count: usize,
    figures: Vec<Figures>,
}

impl Statistics {
    /// Statistics of a column with at least one row; text columns have none.
    pub fn of(column: &Column) -> Option<Self> {
        let width = column.shape.iter().product::<usize>();
        let numbers: Vec<f64> = match &column.values {
            Values::Floats(values) => values.iter().copied().map(f64::from).collect(),
            Values::Doubles(values) => values.clone(),
            Values::Integers(values) => values.iter().map(|&x| x as f64).collect(),
            Values::Flags(values) => values.iter().copied().map(f64::from).collect(),
            Values::Texts(_) => return None,
            Values::Frames(frames) => {
                let channel = |at: usize| Figures::of(&ascending_channel(frames, at)).scaled(1.0 / 255.0);
                return Some(Self {
                    shape: vec![3, 1, 1],
                    count: frames.len(),
                    figures: (0..3).map(channel).collect(),
                });
            }
        };
        let number = |at: usize| Figures::of(&ascending(numbers.iter().skip(at).step_by(width).copied().collect()));
        Some(Self { shape: vec![width], count: numbers.len() / width, figures: (0..width).map(number).collect() })
    }

    /// Statistics over all episodes, from those of each; at least one.
    pub fn combined(episodes: &[&Self]) -> Self {
        let count = episodes.iter().map(|episode| episode.count).sum();
        let share = |episode: &Self| episode.count as f64 / count as f64;
        let number = |at: usize| {
            Figures::combined(&episodes.iter().map(|episode| (share(episode), episode.figures[at])).collect::<Vec<_>>())
        };
        let figures = (0..episodes[0].figures.len()).map(number).collect();
        Self { shape: episodes[0].shape.clone(), count, figures }
    }

    /// As columns of the table of episodes, a row for each; at least one.
    pub fn columns(episodes: &[&Self], feature: &str) -> Vec<Column> {
        let column = |(name, of): &Figure| {
            let values = episodes.iter().flat_map(|episode| episode.figures.iter().map(of)).collect();
            Column::new(format!("stats/{feature}/{name}"), &episodes[0].shape, Values::Doubles(values))
        };
        let counts = Values::Integers(episodes.iter().map(|episode| episode.count as i64).collect());
        let count = Column::new(format!("stats/{feature}/count"), &[1], counts);
        FIGURES.iter().map(column).chain([count]).collect()
    }

    /// As in `stats.json`.
    pub fn json(&self) -> Value {
        let nested = |x: f64| self.shape[1..].iter().fold(json!(x), |within, _| json!([within]));
        let figure =
            |(name, of): &Figure| (name.to_string(), self.figures.iter().map(|figures| nested(of(figures))).collect());
        let figures: Map<_, _> = FIGURES.iter().map(figure).chain([("count".into(), json!([self.count]))]).collect();
        figures.into()
    }
}

/// Statistics of one channel over all pixels, by counting its 256 possible values.
fn ascending_channel(frames: &[Frame], channel: usize) -> Vec<f64> {
    let mut counts = [0; 256];
    for &value in frames.iter().flat_map(|frame| frame.rgb().iter().skip(channel).step_by(3)) {
        counts[usize::from(value)] += 1;
    }
    counts.iter().enumerate().flat_map(|(value, &count)| std::iter::repeat_n(value as f64, count)).collect()
}

fn ascending(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn evenly_spread_numbers_have_their_quantiles() {
        let numbers: Vec<f64> = (0..=1000).map(f64::from).collect();
        let figures = Figures::of(&numbers);
        // A bin is a fifth of a step.
        for (quantile, expected) in figures.quantiles.iter().zip([10.0, 100.0, 500.0, 900.0, 990.0]) {
            assert!((quantile - expected).abs() < 1.5, "{quantile} is not {expected}");
        }
        assert_eq!((figures.min, figures.mean, figures.max), (0.0, 500.0, 1000.0));
        // Of the whole numbers up to n: n (n + 2) / 12.
        assert!((figures.std - (1000.0_f64 * 1002.0 / 12.0).sqrt()).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn quantiles_rise_from_the_smallest_to_the_largest(numbers in prop::collection::vec(-1e6..1e6, 1..200)) {
            let figures = Figures::of(&ascending(numbers));
            let slack = 1e-9 + 1e-12 * figures.max.abs().max(figures.min.abs());
            let all = [&[figures.min][..], &figures.quantiles, &[figures.max]].concat();
            prop_assert!(figures.std >= 0.0);
            if figures.max > figures.min {
                prop_assert!(all.windows(2).all(|pair| pair[0] <= pair[1] + slack), "{all:?}");
            }
        }

        #[test]
        fn parts_together_are_the_whole(numbers in prop::collection::vec(-1e3..1e3, 2..200), cut in 0.01..0.99) {
            let (one, other) = numbers.split_at(((cut * numbers.len() as f64) as usize).clamp(1, numbers.len() - 1));
            let part = |part: &[f64]| {
                (part.len() as f64 / numbers.len() as f64, Figures::of(&ascending(part.to_vec())))
            };
            let (combined, whole) = (Figures::combined(&[part(one), part(other)]), Figures::of(&ascending(numbers.clone())));
            prop_assert_eq!((combined.min, combined.max), (whole.min, whole.max));
            prop_assert!((combined.mean - whole.mean).abs() < 1e-9);
            prop_assert!((combined.std - whole.std).abs() < 1e-6);
        }
    }
}
