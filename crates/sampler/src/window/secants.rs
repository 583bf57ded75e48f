//! A linear response learnt from examples.

use std::ops::Range;

use super::cholesky::{add_scaled, dot, factorise, substitute};

/// Ridge regression on pairs of change and response around a step, large changes counting less: the linear map G of
/// least
///
/// ```text
/// Σ_i ‖y_i − G u_i‖² / ρ_i + ‖G‖²,      ρ_i = RIDGE + CURVATURE ‖u_i‖²
/// ```
///
/// In the dual form with U and Y the pairs as rows (Broyden's second method with many secants and a noise term; Fang and
/// Saad 2009, doi.org/10.1002/nla.617):
///
/// ```text
/// G u = Zᵀ U u,      (U Uᵀ + diag ρ) Z = Y
/// ```
///
/// so all work is in matrices as small as the number of pairs. With no pairs G is 0.
///
/// The response changes along the path: while noise still decides the plan it is strong in few directions, later it is
/// weak in many. So every step keeps the last pair of each kind, and G is fitted to those nearest to a step.
#[derive(Clone, Debug)]
pub(super) struct Secants {
    width: usize,
    /// u of every pair, `[N, KINDS, width]`.
    changes: Vec<f64>,
    /// y of every pair, `[N, KINDS, width]`.
    responses: Vec<f64>,
    /// Whether there is such a pair, `[N, KINDS]`.
    known: Vec<bool>,
    /// The pairs that G was fitted to, at most `PAIRS`.
    fitted: Vec<usize>,
    /// Z, `[PAIRS, width]`.
    weights: Vec<f64>,
    /// The Cholesky factor of the small matrix, lower triangle, `[PAIRS, PAIRS]`.
    factor: Vec<f64>,
}

/// Where a pair comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pair {
    /// One step evaluated twice, in this round and before.
    Again,
    /// A step and the evaluated one before it, in one round.
    Along,
}

impl Secants {
    /// Pairs a step can have.
    const KINDS: usize = 2;
    /// Pairs that G is fitted to.
    const PAIRS: usize = 32;
    /// The variance of what no linear map explains over the variance of G's entries.
    const RIDGE: f64 = 1e-3;
    /// Growth of that variance with the squared change: the response to a large change is bent.
    const CURVATURE: f64 = 0.1;

    /// For `steps` steps, changes and responses of `width` values.
    pub fn new(steps: usize, width: usize) -> Self {
        let rows = |count: usize| vec![0.0; count * width];
        Self {
            width,
            changes: rows(steps * Self::KINDS),
            responses: rows(steps * Self::KINDS),
            known: vec![false; steps * Self::KINDS],
            fitted: Vec::with_capacity(Self::PAIRS),
            weights: rows(Self::PAIRS),
            factor: vec![0.0; Self::PAIRS * Self::PAIRS],
        }
    }

    /// Forgets every pair.
    pub fn clear(&mut self) {
        self.known.fill(false);
        self.fitted.clear();
    }

    /// Takes a pair of `step` in place of the last of its kind; `write` fills u and y. One that is not finite, or without
    /// a change, is none.
    pub fn put(&mut self, step: usize, pair: Pair, write: impl FnOnce(&mut [f64], &mut [f64])) {
        let slot = step * Self::KINDS + pair as usize;
        let row = self.row(slot);
        let (change, response) = (&mut self.changes[row.clone()], &mut self.responses[row]);
        write(change, response);
        let finite = change.iter().chain(&*response).all(|value| value.is_finite());
        self.known[slot] = finite && change.iter().any(|value| *value != 0.0);
    }

    /// Solves for Z with the pairs nearest to `step`. To be called after `put` and before `apply`.
    pub fn fit(&mut self, step: usize) {
        self.choose(step);
        for (i, pair) in self.fitted.iter().enumerate() {
            let change = &self.changes[self.row(*pair)];
            for (k, other) in self.fitted[..=i].iter().enumerate() {
                self.factor[i * Self::PAIRS + k] = dot(change, &self.changes[self.row(*other)]);
            }
            let diagonal = i * Self::PAIRS + i;
            self.factor[diagonal] += Self::RIDGE + Self::CURVATURE * self.factor[diagonal];
        }
        factorise(&mut self.factor, Self::PAIRS, self.fitted.len());
        let weights = &mut self.weights[..self.fitted.len() * self.width];
        for (weights, pair) in weights.chunks_exact_mut(self.width).zip(&self.fitted) {
            weights.copy_from_slice(&self.responses[pair * self.width..][..self.width]);
        }
        substitute(&self.factor, Self::PAIRS, weights, self.width);
    }

    /// Adds G u to `response`.
    pub fn apply(&self, u: &[f64], response: &mut [f64]) {
        for (pair, weights) in self.fitted.iter().zip(self.weights.chunks_exact(self.width)) {
            add_scaled(response, dot(&self.changes[self.row(*pair)], u), weights);
        }
    }

    /// Goes through the steps outwards from `step` until there are pairs enough.
    fn choose(&mut self, step: usize) {
        self.fitted.clear();
        let steps = self.known.len() / Self::KINDS;
        for distance in 0..steps {
            let (before, after) = (step.checked_sub(distance), (distance > 0).then_some(step + distance));
            for near in before.into_iter().chain(after).filter(|near| *near < steps) {
                let pairs = (near * Self::KINDS..(near + 1) * Self::KINDS).filter(|pair| self.known[*pair]);
                self.fitted.extend(pairs.take(Self::PAIRS - self.fitted.len()));
            }
        }
    }

    fn row(&self, pair: usize) -> Range<usize> {
        pair * self.width..(pair + 1) * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vector k of five.
    fn unit(k: usize) -> [f64; 5] {
        std::array::from_fn(|i| f64::from(u8::from(i == k)))
    }

    fn take(secants: &mut Secants, step: usize, pair: Pair, u: [f64; 5], y: [f64; 5]) {
        secants.put(step, pair, |change, response| {
            change.copy_from_slice(&u);
            response.copy_from_slice(&y);
        });
    }

    fn response(secants: &mut Secants, step: usize, u: [f64; 5]) -> [f64; 5] {
        let mut response = [0.0; 5];
        secants.fit(step);
        secants.apply(&u, &mut response);
        response
    }

    #[test]
    fn without_pairs_nothing_responds() {
        assert_eq!(response(&mut Secants::new(10, 5), 3, unit(0)), [0.0; 5]);
    }

    #[test]
    fn one_pair_along_an_axis_is_shrunk_by_the_ridge() {
        let mut secants = Secants::new(10, 5);
        take(&mut secants, 4, Pair::Along, unit(1), [3.0, 0.0, 0.0, -1.0, 0.0]);
        // (y − g)²/ρ + g² is least at g = y / (1 + ρ).
        let expected = [3.0, 0.0, 0.0, -1.0, 0.0].map(|y| y / (1.0 + Secants::RIDGE + Secants::CURVATURE));
        let found = response(&mut secants, 4, unit(1));
        assert!(found.iter().zip(expected).all(|(found, y)| (found - y).abs() < 1e-12));
        assert_eq!(response(&mut secants, 4, unit(2)), [0.0; 5]);
    }

    #[test]
    fn every_step_learns_from_the_pairs_around_it() {
        const STEPS: usize = 80;
        let mut secants = Secants::new(STEPS, 5);
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        };
        let factor = |step: usize| if step < STEPS / 2 { 1.0 } else { -2.0 };
        for step in 0..STEPS {
            for pair in [Pair::Again, Pair::Along] {
                let u: [f64; 5] = std::array::from_fn(|_| random());
                take(&mut secants, step, pair, u, std::array::from_fn(|i| factor(step) * (u[i] - u[(i + 1) % 5])));
            }
        }
        for step in [0, 20, 60, 79] {
            let found = response(&mut secants, step, unit(0));
            let expected = [1.0, 0.0, 0.0, 0.0, -1.0].map(|y| factor(step) * y);
            assert!(found.iter().zip(expected).all(|(found, y)| (found - y).abs() < 0.2), "{found:?}");
        }
    }

    #[test]
    fn a_pair_that_is_not_finite_takes_the_last_one_away() {
        let mut secants = Secants::new(10, 5);
        for y in [1.0, f64::NAN] {
            take(&mut secants, 0, Pair::Again, unit(0), [y; 5]);
        }
        assert_eq!(response(&mut secants, 0, unit(0)), [0.0; 5]);
    }
}
