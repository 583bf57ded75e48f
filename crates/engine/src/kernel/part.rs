//! One step, as one member of a team works on it.

#![allow(unsafe_code, reason = "members share the activations, and functions are for one instruction set")]

use super::attention::Heads;
use super::layer::{Evaluation, Packed, Workspace};
use super::norm::TokenNorm;
use super::place::Places;
use super::table::Table;
use crate::Work;
use crate::network::Step;
use crate::team::Share;

/// A step, ready for an instruction set. No number that it writes depends on how many members there are.
pub(super) enum Part {
    Layer(Box<Packed>),
    Norm(TokenNorm),
    Attention(Heads),
}

impl Part {
    pub fn new(step: &Step, places: &Places, table: &'static Table, pool: &mut Vec<f32>) -> Self {
        match step {
            Step::Layer(layer) => Self::Layer(Box::new(Packed::new(layer, places, table, pool))),
            Step::Norm(norm) => Self::Norm(TokenNorm::new(norm, places, table)),
            Step::Attention(attention) => Self::Attention(Heads::new(attention, places, table)),
        }
    }

    /// The layer that it is, if it is one.
    pub fn layer(&self) -> Option<&Packed> {
        if let Self::Layer(layer) = self { Some(layer) } else { None }
    }

    /// Makes a workspace large enough for this step too.
    pub fn reserve(&self, workspace: &mut Workspace, batch: usize) {
        match self {
            Self::Layer(layer) => layer.reserve(workspace, batch),
            Self::Norm(norm) => norm.reserve(workspace),
            Self::Attention(heads) => heads.reserve(workspace),
        }
    }

    /// Computes this member's share of the output. Near the end of a layer, weights of the `next` one are brought near.
    ///
    /// # Safety
    /// The processor has the table's instruction set. Until all members have met nobody writes what this step reads, and
    /// nobody else reads what it writes or writes it, but other members on this step.
    pub unsafe fn work(
        &self,
        evaluation: Evaluation<'_>,
        share: Share,
        next: Option<&Packed>,
        workspace: &mut Workspace,
    ) {
        // SAFETY: the caller's, for each.
        unsafe {
            match self {
                Self::Layer(layer) => layer.work(evaluation, share, next, workspace),
                Self::Norm(norm) => norm.work(evaluation, share, workspace),
                Self::Attention(heads) => heads.work(evaluation, share, workspace),
            }
        }
    }

    pub fn amount(&self, batch: usize) -> Work {
        match self {
            Self::Layer(layer) => layer.amount(batch),
            Self::Norm(norm) => norm.amount(batch),
            Self::Attention(heads) => heads.amount(batch),
        }
    }
}
