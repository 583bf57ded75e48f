//! The network between its file and the machine: steps, most of them fused layers, over numbered buffers.
//!
//! An activation lies as `[position, batch, channel]`, so that a convolution is one matrix product a tap, on contiguous
//! rows of all of the batch at once: the rows of position `p` are `batch` consecutive ones.

mod condition;
mod geometry;
mod tokens;

pub use self::{
    condition::{Condition, Feature, Features, Slice},
    geometry::Geometry,
    tokens::{Attention, Given, LayerNorm},
};

/// A network: its layers, and what modulates them.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What runs for every batch.
    pub layers: Layers,
    /// What the layers' [`Film`]s and the [`Given`] tokens refer to.
    pub condition: Condition,
}

/// Steps in the order in which they run.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// Numbers a batch row needs in each buffer, at most. Buffer `i` has room for `batch * buffers[i]`.
    pub buffers: Vec<usize>,
    /// The noisy plans: `horizon` positions of `action_dim` channels.
    pub sample: Activation,
    /// What is there before the first step beside the plans.
    pub given: Vec<Given>,
    /// What the network says of them, in the same shape.
    pub prediction: Activation,
    /// Each reads what earlier ones have written, or what is there before the first.
    pub steps: Vec<Step>,
    /// Numbers of all [`Film`]s and [`Given`] tokens together, for one row of the batch.
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

/// What is done at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A convolution and what follows it; a matrix product, where it has one tap.
    Layer(Layer),
    /// Normalisation of each position.
    Norm(LayerNorm),
    /// What positions hear of each other.
    Attention(Attention),
}

impl Step {
    /// What it reads.
    pub fn reads(&self) -> Vec<Activation> {
        match self {
            Self::Layer(layer) => layer.inputs.iter().copied().chain(layer.residual).collect(),
            Self::Norm(norm) => vec![norm.input],
            Self::Attention(attention) => vec![attention.query, attention.key, attention.value],
        }
    }

    /// What it writes: never in a buffer that it reads.
    pub fn output(&self) -> Activation {
        match self {
            Self::Layer(layer) => layer.output,
            Self::Norm(norm) => norm.output,
            Self::Attention(attention) => attention.output,
        }
    }
}

/// `residual + film(activate(normalise(convolve(inputs))))`, each of the four left out where it is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// One, or several whose channels follow each other (a skip connection), of as many positions each.
    pub inputs: Vec<Activation>,
    /// What it writes.
    pub output: Activation,
    /// Comes first.
    pub convolution: Convolution,
    /// Group normalisation over a group's channels and all positions of a batch row.
    pub norm: Option<GroupNorm>,
    /// What follows, number by number.
    pub nonlinearity: Option<Nonlinearity>,
    /// Scale and bias that depend on the timestep and the observation.
    pub film: Option<Film>,
    /// What is added at the end, of the output's shape.
    pub residual: Option<Activation>,
}

/// A function of single numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// `x * tanh(softplus(x))` (Misra 2019, arXiv 1908.08681).
    Mish,
    /// `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    Gelu,
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
