//! What was drawn, and why drawing ended.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::statistics::Statistics;

/// Why a sample ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was drawn to its end.
    #[default]
    Drawn,
    /// The budget's rounds were spent.
    OutOfRounds,
    /// Another round would have ended after the budget's deadline.
    OutOfTime,
    /// The denoiser failed, and the budget says that the guess is kept.
    Failed,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drawn => "drawn to its end",
            Self::OutOfRounds => "out of rounds",
            Self::OutOfTime => "out of time",
            Self::Failed => "the denoiser failed",
        })
    }
}

/// A sample, borrowed from the sampler that drew it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    pub(crate) trajectory: ArrayView2<'a, f32>,
    pub(crate) statistics: &'a Statistics,
    pub(crate) residual: Option<f64>,
    pub(crate) ended: Ended,
}

impl<'a> Sample<'a> {
    /// x_0 to x_N, `[N + 1, D]`.
    pub fn trajectory(&self) -> ArrayView2<'a, f32> {
        self.trajectory
    }

    /// x_N, `[D]`.
    pub fn sample(&self) -> ArrayView1<'a, f32> {
        self.trajectory.index_axis_move(Axis(0), self.trajectory.nrows() - 1)
    }

    /// Why it ended.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// How far the guess of the sample moved in the last round (root mean square over its values, normalised units), if
    /// it ended before the sample was drawn; none if it was drawn to its end.
    pub fn residual(&self) -> Option<f64> {
        self.residual
    }

    /// What it took.
    pub fn statistics(&self) -> &'a Statistics {
        self.statistics
    }
}
