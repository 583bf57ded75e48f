//! The network between its file and the machine: fused layers over numbered buffers.
//!
//! An activation lies as `[position, batch, channel]`, so that a convolution is one matrix product a tap, on contiguous
//! rows of all of the batch at once: the rows of position `p` are `batch` consecutive ones.

mod condition;
mod geometry;

pub use self::{
    condition::{Condition, Feature, Features, Slice},
    geometry::Geometry,
};

/// A network: its layers, and what modulates them.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What runs for every batch.
    pub layers: Layers,
    /// What the layers' [`Film`]s refer to.
    pub condition: Condition,
}

/// Layers in the order in which they run.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// Numbers a batch row needs in each buffer, at most. Buffer `i` has room for `batch * buffers[i]`.
    pub buffers: Vec<usize>,
    /// The noisy plans: `horizon` positions of `action_dim` channels.
    pub sample: Activation,
    /// What the network says of them, in the same shape.
    pub prediction: Activation,
    /// Each reads what earlier ones, or the sample, have written.
    pub layers: Vec<Layer>,
    /// Numbers of all layers' [`Film`] together, for one row of the batch.
    pub film_channels: usize,
}

/// What a buffer holds at some point in the list of layers: `[positions, batch, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Which buffer.
    pub buffer: usize,
    /// Length of the sequence.
    pub positions: usize,
    /// Channels at each position.
    pub channels: usize,
}

/// `residual + film(mish(normalise(convolve(inputs))))`, each of the four left out where it is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// One, or several whose channels follow each other (a skip connection), of as many positions each.
    pub inputs: Vec<Activation>,
    /// Never in a buffer that this layer reads.
    pub output: Activation,
    /// Comes first.
    pub convolution: Convolution,
    /// Group normalisation over a group's channels and all positions of a batch row.
    pub norm: Option<GroupNorm>,
    /// Whether `x * tanh(softplus(x))` (Misra 2019, arXiv 1908.08681) follows.
    pub mish: bool,
    /// Scale and bias that depend on the timestep and the observation.
    pub film: Option<Film>,
    /// What is added at the end, of the output's shape.
    pub residual: Option<Activation>,
}

/// A convolution along the positions, dense in the channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Which rows meet which taps.
    pub geometry: Geometry,
    /// Channels in, those of all inputs together.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// `[tap, input, output]`.
    pub weights: Vec<f32>,
    /// `[output]`.
    pub bias: Vec<f32>,
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` (Wu and He 2018, arXiv 1803.08494), the variance a mean of
/// squares.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNorm {
    /// Groups of as many channels each.
    pub groups: usize,
    /// Keeps the root from zero.
    pub epsilon: f32,
    /// `[channel]`.
    pub scale: Vec<f32>,
    /// `[channel]`.
    pub bias: Vec<f32>,
}

/// Feature-wise modulation, `scale * x + bias` (Perez et al. 2017, arXiv 1709.07871): where in a batch row's
/// [`Layers::film_channels`] numbers this layer's are, one a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Film {
    /// Index of the first channel's scale. Without one, 1.
    pub scale: Option<usize>,
    /// Index of the first channel's bias. Without one, 0.
    pub bias: Option<usize>,
}
