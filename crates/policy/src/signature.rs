//! What a backend has to know of a denoiser, be it a policy's or not.

use parapolicy_sampler::SchedulerConfig;

use crate::DenoiserGraph;

/// Shapes, names and scheduler of a denoiser: what policies and other denoisers have in common. A policy's sample is a plan,
/// its condition an observation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Signature {
    /// Name of the file that says so, for messages.
    pub manifest: &'static str,
    /// Sizes of one sample.
    pub sample: Vec<usize>,
    /// What the graph sees beside samples and timesteps, if anything.
    pub condition: Option<Condition>,
    /// The graph, and the names of its tensors.
    pub graph: DenoiserGraph,
    /// The noise schedule the network was trained with.
    pub scheduler: SchedulerConfig,
}

/// The input of a graph that says what to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field of the manifest that names the input, for messages.
    pub field: &'static str,
    /// Name of the input.
    pub input: String,
    /// Sizes of one condition; none for a label. A graph may take it flat.
    pub sizes: Vec<usize>,
    /// What it consists of.
    pub kind: ConditionKind,
}

/// What a condition consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// Numbers, float32 `[batch, …]`: observations, the embedding of a text.
    Numbers,
    /// A class, int64 `[batch]`, from 0 on.
    Label {
        /// How many there are.
        classes: usize,
    },
}

impl Signature {
    /// Numbers in one sample: the dimension in which the sampler works.
    // Shapes are validated not to overflow.
    pub fn sample_dim(&self) -> usize {
        self.sample.iter().product()
    }

    /// Numbers in one condition, a label being one; 0 where there is none.
    pub fn condition_dim(&self) -> usize {
        self.condition.as_ref().map_or(0, |condition| condition.sizes.iter().product())
    }

    /// The classes whose label is the condition, where one is.
    pub fn classes(&self) -> Option<usize> {
        match self.condition.as_ref()?.kind {
            ConditionKind::Label { classes } => Some(classes),
            ConditionKind::Numbers => None,
        }
    }
}
