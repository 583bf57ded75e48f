//! What is known of a tensor while an encoder's graph is interpreted.

use crate::encoder::View;

use super::super::value::{Numbers, Size, Sizes};

/// What is known of a tensor.
#[derive(Clone, Debug)]
pub enum Value {
    /// Constant numbers.
    Numbers(Numbers),
    /// Constant integers, or a shape.
    Sizes(Sizes),
    /// Something of each frame.
    Frames(Frames),
}

/// A tensor `[batch, steps, …]`, or `[batch * steps * n, …]`: its part of each frame.
#[derive(Clone, Debug)]
pub struct Frames {
    /// Whether the steps have an axis of their own; where there is one step only, they have none.
    pub apart: bool,
    /// Sizes of the frame's part: how many entries of the first axis, 1 if the steps have an axis of their own; then the other
    /// axes.
    pub dims: Vec<usize>,
    pub content: Content,
}

/// What the numbers of a frame's part are.
#[derive(Clone, Debug)]
pub enum Content {
    /// A view of these sizes.
    View(View),
    /// A picture of the network of some images, `[images, channels, height, width]`, the numbers in another shape.
    Picture { eye: usize, picture: usize },
}

impl Frames {
    /// The tensor's own sizes, with so many steps.
    pub fn sizes(&self, steps: usize) -> Vec<Size> {
        let rest = self.dims[1..].iter().map(|&dim| Size::Known(dim as i64));
        match self.apart {
            true => [Size::Batch(1), Size::Known(steps as i64)].into_iter().chain(rest).collect(),
            false => [Size::Batch(steps * self.dims[0])].into_iter().chain(rest).collect(),
        }
    }

    /// How many axes the tensor has.
    pub fn rank(&self) -> usize {
        self.dims.len() + usize::from(self.apart)
    }

    /// Which of the frame's axes an axis of the tensor is.
    pub fn axis(&self, axis: i64) -> Result<usize, String> {
        let axis = super::super::shape::axis(axis, self.rank())?;
        let own = axis.checked_sub(usize::from(self.apart)).filter(|&own| own > 0);
        own.ok_or_else(|| "mixes rows of the batch, or steps of an observation".into())
    }

    /// How many numbers the frame's part has.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }
}
