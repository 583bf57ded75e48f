//! Which steps need a barrier before them.

use crate::network::{Layers, Step};

/// For each step, whether it needs a barrier before it: it touches a buffer that a step since the last barrier wrote, or
/// writes one that such a step read.
pub(super) fn barriers(layers: &Layers) -> Vec<bool> {
    let tokens = layers.conditioning_tokens.iter().map(|tokens| tokens.activation);
    let mut written: Vec<_> = tokens.chain([layers.sample]).map(|activation| activation.buffer).collect();
    let mut read = Vec::new();
    let needs_barrier = |step: &Step| {
        let reads: Vec<_> = step.reads().into_iter().map(|activation| activation.buffer).collect();
        let output = step.output().buffer;
        let needed =
            reads.iter().any(|buffer| written.contains(buffer)) || written.contains(&output) || read.contains(&output);
        if needed {
            written.clear();
            read.clear();
        }
        written.push(output);
        read.extend(reads);
        needed
    };
    layers.steps.iter().map(needs_barrier).collect()
}
