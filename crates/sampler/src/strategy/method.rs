//! A strategy at work on one sample.

use ndarray::ArrayView2;

use super::{Diffusion, Rows};
use crate::statistics::Statistics;
use crate::window::Path;

/// A strategy made ready for one table. It owns every buffer that it needs beside the path.
///
/// A method does not call the network. It is asked for rows and told the predictions, so whoever drives it can stop
/// between two rounds, or evaluate the rows of several plans in one batch:
///
/// ```text
/// begin
/// repeat: ask    the rows of the next round
///         tell   what the network predicted for them; until that says that the sample is drawn
/// ```
///
/// `path` is the same in all calls for one sample. Its first state is x_0.
pub trait Method: Send {
    /// Begins a sample. If it is `warm`, the drifts of the path are a guess of the sample's, to be used or not.
    fn begin(&mut self, diffusion: &Diffusion<'_>, warm: bool);

    /// Keeps to at most `rows` rows a round until the next [`begin`](Self::begin). Returns whether it can: the rounds of
    /// some strategies are as large as they are.
    fn limit_rows(&mut self, _rows: usize) -> bool {
        false
    }

    /// The rows to be evaluated next: at least one, and at most as many as the table has steps.
    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a>;

    /// Takes in the `predictions`, `[p, D]`, for the rows that it asked for. Returns whether the sample is drawn: the last
    /// state of `path`.
    ///
    /// States that are kept though they changed in this round are noted in `statistics`
    /// ([`Statistics::note_accepted`]). Rounds and rows are counted already.
    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool;

    /// Makes the last state of `path` the best guess of the sample that can be had without the network. Rounds may follow.
    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path);
}
