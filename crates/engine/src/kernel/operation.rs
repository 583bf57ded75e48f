//! The operations of a program: the steps of a network, prepared for an instruction set.

#![allow(unsafe_code, reason = "threads share the activations, and functions are for one instruction set")]

mod attention;
mod layer;
mod pixels;
mod token_norm;

use self::attention::AttentionHeads;
use self::layer::PackedLayer;
pub(super) use self::layer::WINOGRAD_BATCH;
use self::pixels::Pixels;
use self::token_norm::TokenNorm;
use super::dispatch_table::DispatchTable;
use super::evaluation::{Evaluation, Workspace};
use super::layout::ArenaLayout;
use super::weights::Room;
use crate::Work;
use crate::network::Step;
use crate::thread_pool::Share;

/// A step, prepared for an instruction set. Threads share its output; no number depends on how many threads there are.
pub(super) enum Operation {
    Layer(Box<PackedLayer>),
    TokenNorm(TokenNorm),
    Attention(AttentionHeads),
    Pixels(Pixels),
}

impl Operation {
    /// Finds room for its weights.
    pub fn new(step: &Step, arena: &ArenaLayout, table: &'static DispatchTable, room: &mut Room) -> Self {
        match step {
            Step::Layer(layer) => Self::Layer(Box::new(PackedLayer::new(layer, arena, table, room))),
            Step::Norm(norm) => Self::TokenNorm(TokenNorm::new(norm, arena, table)),
            Step::Attention(attention) => Self::Attention(AttentionHeads::new(attention, arena, table)),
            Step::Largest(largest) => Self::Pixels(Pixels::largest(largest, arena)),
            Step::Repeat(repeat) => Self::Pixels(Pixels::repeat(repeat, arena)),
        }
    }

    /// Packs the weights of its step into its own among those of all layers, which begin at `start`.
    pub fn pack(&self, step: &Step, own: &mut [f32], start: usize) {
        if let (Self::Layer(packed), Step::Layer(layer)) = (self, step) {
            packed.pack(&layer.convolution, own, start);
        }
    }

    /// Whether it reads weights.
    pub fn is_layer(&self) -> bool {
        matches!(self, Self::Layer(_))
    }

    /// Enlarges a workspace to what this operation needs.
    pub fn reserve(&self, workspace: &mut Workspace, batch: usize) {
        match self {
            Self::Layer(layer) => layer.reserve(workspace, batch),
            Self::TokenNorm(norm) => norm.reserve(workspace),
            Self::Attention(heads) => heads.reserve(workspace),
            Self::Pixels(_) => {}
        }
    }

    /// Computes this thread's share of the output. Near the end of a layer, weights of the `next` one are prefetched.
    ///
    /// # Safety
    /// The processor has the table's instruction set. Until the next barrier no other operation writes what this one reads or
    /// writes, or reads what this one writes.
    pub unsafe fn run(&self, evaluation: Evaluation<'_>, share: Share, next: Option<&Self>, workspace: &mut Workspace) {
        // SAFETY: the caller's, for each.
        unsafe {
            match self {
                Self::Layer(layer) => {
                    let next = next.and_then(|next| if let Self::Layer(layer) = next { Some(&**layer) } else { None });
                    layer.run(evaluation, share, next, workspace);
                }
                Self::TokenNorm(norm) => norm.run(evaluation, share, workspace),
                Self::Attention(heads) => heads.run(evaluation, share, workspace),
                Self::Pixels(pixels) => pixels.run(evaluation, share),
            }
        }
    }

    /// The work of a batch.
    pub fn work(&self, batch: usize) -> Work {
        match self {
            Self::Layer(layer) => layer.work(batch),
            Self::TokenNorm(norm) => norm.work(batch),
            Self::Attention(heads) => heads.work(batch),
            Self::Pixels(pixels) => pixels.work(batch),
        }
    }
}
