//! Components joined to modes. A cloud of plans that is bent, or has heavy tails, takes several Gaussians: a **mode** is a group of
//! them between which the density of the mixture has no valley.
//!
//! All critical points of a mixture of two Gaussians lie on their ridgeline (Ray & Lindsay 2005, eq. 4), with P the precisions:
//!
//! ```text
//! x(t) = [(1−t) P_a + t P_b]⁻¹ [(1−t) P_a mu_a + t P_b mu_b],   t from 0 to 1
//! ```
//!
//! Two components are joined if the mixture's density along it is nowhere under half of what it is at the lower of its ends; modes
//! are the connected groups.

use crate::component::GaussianParameters;
use crate::linear;
use crate::random::log_sum_exp;

/// Points at which a ridgeline is looked at.
const PLACES: usize = 33;
/// log of the share of the lower end's density under which there is a valley.
const VALLEY: f64 = -std::f64::consts::LN_2;

/// The mode of each component, `[K]`, numbered from 0. `weights` are logarithms.
pub fn modes(weights: &[f64], parameters: &[GaussianParameters]) -> Vec<usize> {
    let mut modes: Vec<usize> = (0..parameters.len()).collect();
    for a in 0..parameters.len() {
        for b in 0..a {
            if modes[a] != modes[b] && are_joined(weights, parameters, [a, b]) {
                let (from, to) = (modes[a].max(modes[b]), modes[a].min(modes[b]));
                modes.iter_mut().filter(|mode| **mode == from).for_each(|mode| *mode = to);
            }
        }
    }
    numbered(&modes)
}

fn are_joined(weights: &[f64], parameters: &[GaussianParameters], pair: [usize; 2]) -> bool {
    let density = |point: &[f64]| {
        let logs: Vec<f64> =
            weights.iter().zip(parameters).map(|(weight, of)| weight + of.log_density(point)).collect();
        log_sum_exp(&logs)
    };
    let [a, b] = pair.map(|index| &parameters[index]);
    let along: Vec<f64> = (0..PLACES).map(|place| density(&ridge(a, b, place as f64 / (PLACES - 1) as f64))).collect();
    let lowest = along.iter().copied().fold(f64::INFINITY, f64::min);
    lowest - along[0].min(along[PLACES - 1]) > VALLEY
}

/// x(t).
fn ridge(a: &GaussianParameters, b: &GaussianParameters, t: f64) -> Vec<f64> {
    let dim = a.mean().len();
    let (mut matrix, mut point) = (vec![0.0; dim * dim], vec![0.0; dim]);
    for (of, share) in [(a, 1.0 - t), (b, t)] {
        // P = Uᵀ U, and P mu.
        for i in 0..dim {
            for j in 0..dim {
                let entry: f64 = (0..=i.min(j)).map(|k| of.factor()[k * dim + i] * of.factor()[k * dim + j]).sum();
                matrix[i * dim + j] += share * entry;
                point[i] += share * entry * of.mean()[j];
            }
        }
    }
    if !linear::cholesky(&mut matrix, dim) {
        return if t < 0.5 { a.mean().to_vec() } else { b.mean().to_vec() };
    }
    linear::solve(&matrix, dim, &mut point);
    linear::solve_transposed(&matrix, dim, &mut point);
    point
}

fn numbered(modes: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    modes
        .iter()
        .map(|mode| {
            order.iter().position(|seen| seen == mode).unwrap_or_else(|| {
                order.push(*mode);
                order.len() - 1
            })
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests {
    use ndarray::array;

    use super::*;

    fn of(places: &[f64], deviation: f64) -> Vec<usize> {
        let variance = deviation * deviation;
        let covariance = array![[variance, 0.0], [0.0, variance]];
        let parameters: Vec<_> =
            places.iter().map(|x| GaussianParameters::new(vec![*x, 0.0], covariance.view()).unwrap()).collect();
        modes(&vec![-(places.len() as f64).ln(); places.len()], &parameters)
    }

    #[test]
    fn components_are_one_mode_where_there_is_no_valley() {
        // Two equal Gaussians have one maximum up to a distance of two standard deviations.
        assert_eq!(of(&[0.0, 1.9], 1.0), [0, 0]);
        assert_eq!(of(&[0.0, 6.0], 1.0), [0, 1]);
        assert_eq!(of(&[0.0, 6.0, 1.5, 7.0], 1.0), [0, 1, 0, 1]);
        // What lies between fills the valley.
        assert_eq!(of(&[0.0, 4.0, 2.0], 1.0), [0, 0, 0]);
        // Half of the density is left where exp(−d²/8) · 2 = ½: at a distance of 3.33 deviations.
        assert_eq!((of(&[0.0, 3.3], 1.0), of(&[0.0, 3.4], 1.0)), (vec![0, 0], vec![0, 1]));
    }
}
