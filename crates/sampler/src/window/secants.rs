//! A linear response learnt from examples.

/// Ridge regression on the last pairs of change and response, old pairs and large changes counting less: the linear map
/// G of least
///
/// ```text
/// Σ_i ‖y_i − G u_i‖² / ρ_i + ‖G‖²,      ρ_i = (RIDGE + CURVATURE ‖u_i‖²) / FORGETTING^age
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
#[derive(Clone, Debug)]
pub(super) struct Secants {
    width: usize,
    /// Pairs taken so far.
    count: usize,
    /// u of the last pairs, a ring, `[PAIRS, width]`.
    changes: Vec<f64>,
    /// y of the last pairs, a ring, `[PAIRS, width]`.
    responses: Vec<f64>,
    /// Z, `[PAIRS, width]`.
    weights: Vec<f64>,
    /// The Cholesky factor of the small matrix, lower triangle, `[PAIRS, PAIRS]`.
    factor: Vec<f64>,
}

impl Secants {
    /// Pairs remembered.
    const PAIRS: usize = 24;
    /// Weight of a pair against that of the pair after it.
    const FORGETTING: f64 = 0.9;
    /// The variance of what no linear map explains over the variance of G's entries.
    const RIDGE: f64 = 1e-3;
    /// Growth of that variance with the squared change: the response to a large change is bent.
    const CURVATURE: f64 = 0.1;

    /// For changes and responses of `width` values.
    pub fn new(width: usize) -> Self {
        let rows = || vec![0.0; Self::PAIRS * width];
        Self {
            width,
            count: 0,
            changes: rows(),
            responses: rows(),
            weights: rows(),
            factor: vec![0.0; Self::PAIRS * Self::PAIRS],
        }
    }

    /// Forgets every pair.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Takes a pair; `write` fills u and y. One that is not finite, or without a change, is left out.
    pub fn push(&mut self, write: impl FnOnce(&mut [f64], &mut [f64])) {
        let row = self.row(self.count % Self::PAIRS);
        let (change, response) = (&mut self.changes[row.clone()], &mut self.responses[row]);
        write(change, response);
        let finite = change.iter().chain(&*response).all(|value| value.is_finite());
        if finite && change.iter().any(|value| *value != 0.0) {
            self.count += 1;
        }
    }

    /// Solves for Z. To be called after the last `push` and before `apply`.
    pub fn fit(&mut self) {
        let pairs = self.pairs();
        for i in 0..pairs {
            for k in 0..=i {
                self.factor[i * Self::PAIRS + k] = dot(&self.changes[self.row(i)], &self.changes[self.row(k)]);
            }
            let diagonal = i * Self::PAIRS + i;
            let unexplained = Self::RIDGE + Self::CURVATURE * self.factor[diagonal];
            self.factor[diagonal] += unexplained * Self::FORGETTING.powi(-self.age(i));
        }
        factorise(&mut self.factor, Self::PAIRS, pairs);
        self.weights.copy_from_slice(&self.responses);
        substitute(&self.factor, Self::PAIRS, &mut self.weights[..pairs * self.width], self.width);
    }

    /// Adds G u to `response`.
    pub fn apply(&self, u: &[f64], response: &mut [f64]) {
        for i in 0..self.pairs() {
            let along = dot(&self.changes[self.row(i)], u);
            add_scaled(response, along, &self.weights[self.row(i)]);
        }
    }

    fn pairs(&self) -> usize {
        self.count.min(Self::PAIRS)
    }

    /// Pairs taken after the one in slot `i`.
    fn age(&self, i: usize) -> i32 {
        ((self.count + Self::PAIRS - 1 - i) % Self::PAIRS) as i32
    }

    fn row(&self, i: usize) -> std::ops::Range<usize> {
        i * self.width..(i + 1) * self.width
    }
}

/// Replaces the lower triangle of a positive definite matrix, `n` rows `stride` apart, by its Cholesky factor.
fn factorise(matrix: &mut [f64], stride: usize, n: usize) {
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * stride);
        for k in 0..i {
            let other = &above[k * stride..=k * stride + k];
            row[k] = (row[k] - dot(&row[..k], &other[..k])) / other[k];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).sqrt();
    }
}

/// Solves L Lᵀ Z = Y in place, the rows of Y being `width` wide.
fn substitute(factor: &[f64], stride: usize, rows: &mut [f64], width: usize) {
    let n = rows.len() / width;
    for i in 0..n {
        let (above, row) = rows.split_at_mut(i * width);
        for (k, other) in above.chunks_exact(width).enumerate() {
            add_scaled(&mut row[..width], -factor[i * stride + k], other);
        }
        row[..width].iter_mut().for_each(|value| *value /= factor[i * stride + i]);
    }
    for i in (0..n).rev() {
        let (above, row) = rows.split_at_mut(i * width);
        let row = &mut row[..width];
        row.iter_mut().for_each(|value| *value /= factor[i * stride + i]);
        for (k, other) in above.chunks_exact_mut(width).enumerate() {
            add_scaled(other, -factor[i * stride + k], row);
        }
    }
}

/// In four sums, which the processor adds side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let sums = a.zip(b).fold([0.0; 4], |sums, (a, b)| std::array::from_fn(|i| sums[i] + a[i] * b[i]));
    sums.iter().sum::<f64>() + rest
}

fn add_scaled(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += scale * from);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vector k of five.
    fn unit(k: usize) -> [f64; 5] {
        std::array::from_fn(|i| f64::from(u8::from(i == k)))
    }

    fn take(secants: &mut Secants, u: [f64; 5], y: [f64; 5]) {
        secants.push(|change, response| {
            change.copy_from_slice(&u);
            response.copy_from_slice(&y);
        });
    }

    fn response(secants: &Secants, u: [f64; 5]) -> [f64; 5] {
        let mut response = [0.0; 5];
        secants.apply(&u, &mut response);
        response
    }

    #[test]
    fn without_pairs_nothing_responds() {
        let mut secants = Secants::new(5);
        secants.fit();
        assert_eq!(response(&secants, unit(0)), [0.0; 5]);
    }

    #[test]
    fn one_pair_along_an_axis_is_shrunk_by_the_ridge() {
        let mut secants = Secants::new(5);
        take(&mut secants, unit(1), [3.0, 0.0, 0.0, -1.0, 0.0]);
        secants.fit();
        // (y − g)²/ρ + g² is least at g = y / (1 + ρ).
        let expected = [3.0, 0.0, 0.0, -1.0, 0.0].map(|y| y / (1.0 + Secants::RIDGE + Secants::CURVATURE));
        assert!(response(&secants, unit(1)).iter().zip(expected).all(|(found, y)| (found - y).abs() < 1e-12));
        assert_eq!(response(&secants, unit(2)), [0.0; 5]);
    }

    #[test]
    fn a_linear_map_is_learnt_and_the_latest_pairs_win() {
        let mut secants = Secants::new(5);
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        };
        for factor in [1.0, -2.0] {
            for _ in 0..60 {
                let u: [f64; 5] = std::array::from_fn(|_| random());
                take(&mut secants, u, std::array::from_fn(|i| factor * (u[i] - u[(i + 1) % 5])));
            }
            secants.fit();
            let found = response(&secants, unit(0));
            let expected = [factor, 0.0, 0.0, 0.0, -factor];
            assert!(found.iter().zip(expected).all(|(found, y)| (found - y).abs() < 0.2), "{found:?}");
        }
    }

    #[test]
    fn pairs_that_teach_nothing_are_left_out() {
        let mut secants = Secants::new(5);
        take(&mut secants, [f64::INFINITY; 5], [0.0; 5]);
        take(&mut secants, [0.0; 5], [1.0; 5]);
        take(&mut secants, [1.0; 5], [f64::NAN; 5]);
        assert_eq!(secants.pairs(), 0);
    }
}
