//! The concentration of a Dirichlet process: how readily points open a cluster.

use rand_chacha::ChaCha8Rng;

use crate::error::{ModesError, positive};
use crate::random::{beta, log_gamma_variate, uniform};

/// A concentration, α or γ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Concentration {
    /// Known.
    Fixed(f64),
    /// Learnt, under the prior Gamma(`shape`, `rate`).
    Learnt {
        /// a.
        shape: f64,
        /// b.
        rate: f64,
    },
}

impl Concentration {
    /// What a chain begins with: the value, or the prior's mean.
    pub(crate) fn initial(self) -> Result<f64, ModesError> {
        match self {
            Self::Fixed(value) => positive("concentration", value),
            Self::Learnt { shape, rate } => Ok(positive("shape", shape)? / positive("rate", rate)?),
        }
    }

    /// The next value, given that `points` points are in `clusters` clusters (Escobar & West 1995):
    ///
    /// ```text
    /// η ~ Beta(α + 1, n);  α ~ Gamma(a + K, b − log η) with weight (a + K − 1) / (a + K − 1 + n (b − log η)),
    ///                      else Gamma(a + K − 1, b − log η)
    /// ```
    pub(crate) fn next(self, generator: &mut ChaCha8Rng, value: f64, points: f64, clusters: f64) -> f64 {
        let Self::Learnt { shape, rate } = self else { return value };
        if points == 0.0 {
            return log_gamma_variate(generator, shape).exp() / rate;
        }
        let rate = rate - beta(generator, value + 1.0, points).ln();
        let less = shape + clusters - 1.0;
        let one_more = uniform(generator) * (less + points * rate) < less;
        let shape = if one_more { less + 1.0 } else { less };
        (log_gamma_variate(generator, shape).exp() / rate).max(f64::MIN_POSITIVE)
    }
}
