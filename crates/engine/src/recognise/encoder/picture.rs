//! The networks of images, before they are fused.

use parapolicy_onnx::Floats;

use crate::{
    encoder::View,
    network::{GroupNorm, Window},
};

/// Images, and what becomes of them.
#[derive(Debug)]
pub struct Eye {
    /// `[images, channels, height, width]`.
    pub images: View,
    /// The first are the images themselves.
    pub pictures: Vec<Picture>,
    /// The picture that is read by other steps, and the tensor in which it then is.
    pub read: Option<(usize, usize)>,
}

/// A tensor of `[channels, height, width]` for each image, and how it is computed from earlier ones.
#[derive(Clone, Debug)]
pub struct Picture {
    pub channels: usize,
    pub size: [usize; 2],
    pub kind: Kind,
    /// Operator and name of the node that it stands for.
    pub node: (String, String),
}

/// How a picture is computed; indices are those of earlier ones.
#[derive(Clone, Debug)]
pub enum Kind {
    Images,
    Convolution(usize, Window, Filter),
    Norm(usize, GroupNorm),
    Rectified(usize),
    Sum(usize, usize),
    Largest(usize, Window),
    Repeat(usize, [usize; 2]),
}

/// The weights of a 2-D convolution, `[output, input, tap]`, which are shared.
#[derive(Clone, Debug)]
pub struct Filter {
    pub weights: Floats,
    /// A factor of each output's weights.
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Kind {
    /// The pictures that it is computed from.
    pub fn of(&self) -> Vec<usize> {
        match *self {
            Self::Images => vec![],
            Self::Convolution(of, ..) | Self::Norm(of, _) | Self::Rectified(of) => vec![of],
            Self::Largest(of, _) | Self::Repeat(of, _) => vec![of],
            Self::Sum(a, b) => vec![a, b],
        }
    }
}
