//! How far the distribution of plans is from that of a reference.
//!
//! For each observation the energy distance (Székely and Rizzo 2013, "Energy statistics: A class of statistics based on
//! distances") of the plans x of the reference and y of another, drawn from independent noise, in its unbiased form:
//!
//! ```text
//! 2 mean ‖x_i − y_j‖ − mean_{i≠j} ‖x_i − x_j‖ − mean_{i≠j} ‖y_i − y_j‖        ‖v‖ = √(mean v²)
//! ```
//!
//! It is 0 in the mean where both are drawn from the same distribution, so that single values are below 0, too; where both
//! always plan the same, d apart, it is 2 d. Its mean over observations is the distance, and those are what is resampled for
//! the interval.

use ndarray::Array1;

use super::estimate;
use crate::Estimate;

/// The energy distance of two sets of plans for one observation; `None` of fewer than two plans on a side.
#[must_use]
pub fn energy_distance(found: &[Array1<f32>], reference: &[Array1<f32>]) -> Option<f64> {
    Some(2.0 * across(found, reference)? - within(found)? - within(reference)?)
}

/// The mean over observations, with its interval; plans are those for each observation.
#[must_use]
pub fn distance(found: &[Vec<Array1<f32>>], reference: &[Vec<Array1<f32>>]) -> Estimate {
    let distances: Vec<f64> =
        found.iter().zip(reference).filter_map(|(found, reference)| energy_distance(found, reference)).collect();
    estimate(&distances)
}

/// Mean distance of a plan on one side to one on the other.
fn across(found: &[Array1<f32>], reference: &[Array1<f32>]) -> Option<f64> {
    let pairs = found.len() * reference.len();
    let sum: f64 = found.iter().flat_map(|one| reference.iter().map(move |other| apart(one, other))).sum();
    (pairs > 0).then(|| sum / pairs as f64)
}

/// Mean distance of two different plans on one side.
fn within(plans: &[Array1<f32>]) -> Option<f64> {
    let pairs = plans.len() * plans.len().saturating_sub(1) / 2;
    let others = |index: usize| plans[index + 1..].iter();
    let sum: f64 =
        plans.iter().enumerate().flat_map(|(index, one)| others(index).map(move |other| apart(one, other))).sum();
    (pairs > 0).then(|| sum / pairs as f64)
}

/// Root mean square of the difference.
fn apart(one: &Array1<f32>, other: &Array1<f32>) -> f64 {
    let squares: f64 = one.iter().zip(other).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    (squares / one.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

    use parapolicy_sampler::Noise;

    use super::*;

    /// Standard normal plans of one value.
    fn normal(seed: u64, count: usize, shift: f32) -> Vec<Array1<f32>> {
        let noise = Noise::draw(seed, count, 1);
        noise.steps().rows().into_iter().map(|row| row.mapv(|value| value + shift)).collect()
    }

    #[test]
    fn plans_that_never_change_are_twice_as_far_as_they_are_apart() {
        let [one, other] = [0.0, 0.25].map(|value| vec![Array1::from_elem(4, value); 3]);
        assert_eq!(energy_distance(&one, &other), Some(0.5));
        assert_eq!(energy_distance(&one, &one), Some(0.0));
        assert_eq!(energy_distance(&one, &other[..1]), None);
    }

    /// Two normal distributions of deviation 1, δ apart: with φ and Φ of the standard normal distribution and s = δ/√2,
    /// E|x − y| = √2 (2 φ(s) + s (2 Φ(s) − 1)), and E|x − x'| = 2/√π.
    #[test]
    fn normal_distributions_are_as_far_as_the_closed_form_says() {
        // Φ(1/√2) = 0.760249939, φ(1/√2) = 0.310683 for δ = 1.
        let s = std::f64::consts::FRAC_1_SQRT_2;
        let density = (-s * s / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let across = std::f64::consts::SQRT_2 * (2.0 * density + s * (2.0 * 0.760_249_938_9 - 1.0));
        let expected = 2.0 * across - 4.0 / std::f64::consts::PI.sqrt();
        let found = energy_distance(&normal(1, 3_000, 1.0), &normal(2, 3_000, 0.0)).unwrap();
        approx::assert_relative_eq!(found, expected, epsilon = 0.05);
    }

    /// Many observations with few plans each: the mean of the unbiased form is 0 where nothing differs, and the interval
    /// tells a shift of half a deviation from it.
    #[test]
    fn the_interval_holds_nothing_for_the_same_distribution_and_not_for_another() {
        let plans = |first: u64, shift: f32| (0..100).map(|one| normal(first + one, 6, shift)).collect::<Vec<_>>();
        let reference = plans(0, 0.0);
        let same = distance(&plans(1_000, 0.0), &reference);
        let interval = same.interval.unwrap();
        assert!(interval.low < 0.0 && interval.high > 0.0, "{same}");
        let other = distance(&plans(1_000, 0.5), &reference);
        assert!(other.interval.unwrap().low > 0.0, "{other}");
        assert_eq!(other.count, 100);
    }
}
