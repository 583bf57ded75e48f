//! What every operation of an evaluation needs: the batch, and a thread's workspace.

use super::finish::Rows;
use super::memory::{Aligned, Region};
use super::tile::Term;

/// One evaluation of the network, for the rows of one batch or of a thread's part of it.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    /// The weights of all layers.
    pub weights: &'a [f32],
    /// The activations of these rows.
    pub arena: Region<'a>,
    /// How many rows.
    pub batch: usize,
    /// Whether convolutions are computed by minimal filtering, if possible.
    pub filtered: bool,
    /// FiLM parameters, `batch` rows.
    pub film: Rows<'a>,
}

/// A thread's own memory, beside the activations.
#[derive(Default)]
pub(super) struct Workspace {
    /// Inputs, transformed or packed.
    pub operands: Aligned,
    /// Products of minimal filtering, before they are transformed back.
    pub products: Aligned,
    /// Weights of some inputs, transformed for minimal filtering.
    pub filters: Aligned,
    /// Results of matrix products.
    pub sums: Aligned,
    /// For what follows them.
    pub scratch: Aligned,
    /// The terms of a tile.
    pub terms: Vec<Term>,
}
