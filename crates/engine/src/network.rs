//! A network, independent of its file and of the processor: steps, most of them fused layers, over numbered buffers.
//!
//! An activation has the layout `[position, batch, channel]`: the rows of a position are `batch` consecutive ones. A
//! convolution is then one matrix product for each tap, on contiguous rows of the whole batch.

mod condition;
mod geometry;
mod image;
mod mish_scalar;
mod transformer;
mod weights;

pub use self::{
    condition::{Condition, Feature, Features, Slice},
    geometry::Geometry,
    image::{Largest, Repeat, Window},
    transformer::{Attention, ConditioningTokens, LayerNorm, Turn},
    weights::Weights,
};

/// A network: its layers, and what conditions them.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What is computed for every batch.
    pub layers: Layers,
    /// What the layers' [`Film`]s and the [`ConditioningTokens`] are computed from.
    pub condition: Condition,
}

/// The steps of a network, and their buffers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layers {
    /// The most numbers that a batch row needs in each buffer. Buffer `i` has room for `batch * buffers[i]`.
    pub buffers: Vec<usize>,
    /// The noisy plans: `horizon` positions of `action_dim` channels.
    pub sample: Activation,
    /// Tokens that are there before the first step, beside the plans.
    pub conditioning_tokens: Vec<ConditioningTokens>,
    /// The network's prediction, in the same shape.
    pub prediction: Activation,
    /// In the order in which they run. Each reads what earlier ones wrote, or what is there before the first.
    pub steps: Vec<Step>,
    /// Numbers of all [`Film`]s and [`ConditioningTokens`] together, for one row of the batch.
    pub film_channels: usize,
}

/// What a buffer holds at some point: `[positions, batch, channels]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// Which buffer.
    pub buffer: usize,
    /// Length of the sequence.
    pub positions: usize,
    /// Channels at each position.
    pub channels: usize,
}

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there are some tens, most of them layers")]
pub enum Step {
    /// A convolution and what follows it; with one tap, a matrix product.
    Layer(Layer),
    /// Normalisation of each position, perhaps modulated.
    Norm(LayerNorm),
    /// Attention between positions.
    Attention(Attention),
    /// The largest numbers in windows of an image.
    Largest(Largest),
    /// An image, enlarged.
    Repeat(Repeat),
}

impl Step {
    /// The activations that it reads.
    pub fn reads(&self) -> Vec<Activation> {
        match self {
            Self::Layer(layer) => layer.inputs.iter().copied().chain(layer.residual).collect(),
            Self::Norm(norm) => vec![norm.input],
            Self::Attention(attention) => vec![attention.query, attention.key, attention.value],
            Self::Largest(largest) => vec![largest.input],
            Self::Repeat(repeat) => [repeat.input].into_iter().chain(repeat.residual).collect(),
        }
    }

    /// The activation that it writes, never in a buffer that it reads.
    pub fn output(&self) -> Activation {
        match self {
            Self::Layer(layer) => layer.output,
            Self::Norm(norm) => norm.output,
            Self::Attention(attention) => attention.output,
            Self::Largest(largest) => largest.output,
            Self::Repeat(repeat) => repeat.output,
        }
    }
}

/// `rectify(residual + film(activate(normalise(convolve(inputs)))))`. All but the convolution are optional.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// One, or several whose channels follow each other (a skip connection), of as many positions each.
    pub inputs: Vec<Activation>,
    /// The activation that it writes.
    pub output: Activation,
    /// Where the input is an image, the window whose pixels, one after the other, are a row of the convolution's inputs: a
    /// 2-D convolution is a product of such rows. The input has a position for each pixel, or one for each row of pixels.
    pub window: Option<Window>,
    /// The convolution, pointwise if there is a window.
    pub convolution: Convolution,
    /// Group normalisation over a group's channels and all positions of a batch row.
    pub norm: Option<GroupNorm>,
    /// The activation function.
    pub nonlinearity: Option<Nonlinearity>,
    /// Scale and bias that depend on the timestep and the observation.
    pub film: Option<Film>,
    /// An activation of the output's shape that is added.
    pub residual: Option<Activation>,
    /// Whether negative numbers become zero at the end, as ReLU has it.
    pub rectified: bool,
}

/// An activation function, applied to each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// `x * tanh(softplus(x))` (Misra 2019, arXiv 1908.08681).
    Mish,
    /// `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x³)))`, which approximates it (ibid., section 2).
    GeluTanh,
}

/// A convolution along the positions, dense in the channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Which positions the taps connect.
    pub geometry: Geometry,
    /// Channels in, those of all inputs together.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// `[tap, input, output]`.
    pub weights: Weights,
    /// `[output]`.
    pub bias: Vec<f32>,
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` (Wu and He 2018, arXiv 1803.08494), the variance a mean of
/// squares.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNorm {
    /// Groups of as many channels each.
    pub groups: usize,
    /// Keeps the divisor from zero.
    pub epsilon: f32,
    /// `[channel]`.
    pub scale: Vec<f32>,
    /// `[channel]`.
    pub bias: Vec<f32>,
}

/// Feature-wise linear modulation (FiLM), `scale * x + bias` (Perez et al. 2017, arXiv 1709.07871): where a layer's
/// parameters are among a batch row's [`Layers::film_channels`] numbers, one for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Film {
    /// Index of the first channel's scale. If there is none, the scale is 1.
    pub scale: Option<usize>,
    /// Index of the first channel's bias. If there is none, the bias is 0.
    pub bias: Option<usize>,
}
