//! Operators of networks on images: 2-D convolutions, normalisation, ReLU, the largest numbers in windows, enlarging.

use parapolicy_onnx::message::Node;

use crate::{
    encoder::{Operation, Step, View},
    network::{GroupNorm, Window},
};

use super::{
    super::{convolution::whole, value::Numbers},
    LARGEST_TENSOR, assemble,
    picture::{Eye, Filter, Kind, Picture},
    reader::Reader,
    value::{Content, Frames, Value},
};

impl Reader<'_> {
    pub fn convolution(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let (eye, of) = self.picture(node, &frames)?;
        let (channels, size) = self.shape_of(eye, of);
        let weights = self.numbers(node, 1)?;
        let &[outputs, inputs, high, wide] = weights.dims.as_slice() else {
            return Err(format!("has weights of shape {:?}", weights.dims));
        };
        if inputs != channels || outputs == 0 || high == 0 || wide == 0 {
            return Err(format!("has weights of shape {:?} for {channels} channels", weights.dims));
        }
        if let Some(kernel) = node.ints("kernel_shape")
            && kernel != [high as i64, wide as i64]
        {
            return Err(format!("has kernel_shape {kernel:?} and weights of shape {:?}", weights.dims));
        }
        if node.int("group", 1) != 1 {
            return Err("divides its channels in groups".into());
        }
        let window = window(node, size, [high, wide])?;
        let bias = self.optional_numbers(node, 2)?;
        let bias = bias.map_or_else(|| vec![0.0; outputs], |bias| bias.values.to_vec());
        if bias.len() != outputs {
            return Err(format!("has {} biases for {outputs} channels", bias.len()));
        }
        self.spend(weights.values.len() + 2 * outputs)?;
        let filter = Filter { weights: weights.values, scale: vec![1.0; outputs], bias };
        self.add(node, eye, Kind::Convolution(of, window, filter), outputs, window.places)
    }

    pub fn largest(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let (eye, of) = self.picture(node, &frames)?;
        let (channels, size) = self.shape_of(eye, of);
        let kernel = whole(node, "kernel_shape", 2, 1)?;
        if !node.has("kernel_shape") || node.int("ceil_mode", 0) != 0 {
            return Err("has no size, or covers more than the image".into());
        }
        let window = window(node, size, [kernel[0], kernel[1]])?;
        self.add(node, eye, Kind::Largest(of, window), channels, window.places)
    }

    /// Each pixel several times.
    pub fn resize(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let (eye, of) = self.picture(node, &frames)?;
        let (channels, [height, width]) = self.shape_of(eye, of);
        let repeats = node.string("mode") == b"nearest"
            && node.string("coordinate_transformation_mode") == b"asymmetric"
            && node.string("nearest_mode") == b"floor"
            && node.int("antialias", 0) == 0
            && self.optional_input(node, 1)?.is_none()
            && self.optional_input(node, 3)?.is_none();
        let scales = self.numbers(node, 2)?.values;
        let times: Vec<_> = scales.iter().map(|scale| scale as usize).collect();
        let &[1, 1, down, across] = times.as_slice() else { return Err(format!("has scales {:?}", scales.to_vec())) };
        if !repeats
            || scales.iter().zip(&times).any(|(scale, &times)| scale != times as f32 || !(1..64).contains(&times))
        {
            return Err("makes other pixels than those that there are".into());
        }
        self.add(node, eye, Kind::Repeat(of, [down, across]), channels, [height * down, width * across])
    }

    /// Group normalisation (Wu and He 2018, arXiv 1803.08494): instance normalisation of rows that are reshaped to groups is one.
    pub fn norm(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let Content::Picture { eye, picture: of } = frames.content else {
            return Err("is of no result of a convolution".into());
        };
        let (channels, size) = self.shape_of(eye, of);
        let groups = match node.operator.as_str() {
            "GroupNormalization" => usize::try_from(node.int("num_groups", 0)).unwrap_or(0),
            _ => *frames.dims.get(1).ok_or("is of single numbers")?,
        };
        if groups == 0 || !channels.is_multiple_of(groups) || frames.apart {
            return Err(format!("normalises {channels} channels in {groups} groups"));
        }
        self.spend(2 * channels)?;
        // One for each channel, or for each group (InstanceNormalization, GroupNormalization before opset 21).
        let each = |numbers: Numbers| match numbers.values.len() {
            len if len == channels => Ok(numbers.values.to_vec()),
            len if len == groups => Ok((0..channels).map(|c| numbers.values.at(c / (channels / groups))).collect()),
            len => Err(format!("has {len} scales or biases for {channels} channels in {groups} groups")),
        };
        let (scale, bias) = (each(self.numbers(node, 1)?)?, each(self.numbers(node, 2)?)?);
        let norm = GroupNorm { groups, epsilon: node.float("epsilon", 1e-5), scale, bias };
        let picture = self.push(node, eye, Kind::Norm(of, norm), channels, size)?;
        Ok(Value::Frames(Frames { content: Content::Picture { eye, picture }, ..frames }))
    }

    pub fn batch_norm(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|index| self.numbers(node, index));
        let (scale, bias, mean, variance) = (scale?.values, bias?.values, mean?.values, variance?.values);
        if node.int("training_mode", 0) != 0 {
            return Err("is in training".into());
        }
        let len = scale.len();
        if [&bias, &mean, &variance].iter().any(|numbers| numbers.len() != len) {
            return Err("has scales, biases, means and variances of different numbers".into());
        }
        let epsilon = node.float("epsilon", 1e-5);
        let factor: Vec<f32> = (0..len).map(|c| scale.at(c) / (variance.at(c) + epsilon).sqrt()).collect();
        let offset: Vec<f32> = (0..len).map(|c| bias.at(c) - mean.at(c) * factor[c]).collect();
        let scaled = self.scaled(node, &frames, Some(&factor), Some(&offset))?;
        scaled.ok_or_else(|| "is neither of a convolution nor of a normalisation".into())
    }

    /// A picture with a factor or an offset of each channel, where it is the result of a convolution or a normalisation.
    pub fn affine(
        &mut self,
        node: &Node,
        frames: &Frames,
        operation: Operation,
        by: &Numbers,
    ) -> Result<Option<Value>, String> {
        let Content::Picture { eye, picture } = frames.content else { return Ok(None) };
        let (channels, _) = self.shape_of(eye, picture);
        let of_channels = matches!(by.dims_to(3), &[own, 1, 1] if own == channels);
        let values = by.values.to_vec();
        match operation {
            Operation::Multiply if of_channels => self.scaled(node, frames, Some(&values), None),
            Operation::Add if of_channels => self.scaled(node, frames, None, Some(&values)),
            _ => Ok(None),
        }
    }

    /// `factor·x + offset`, where that is another convolution or normalisation.
    fn scaled(
        &mut self,
        node: &Node,
        frames: &Frames,
        factor: Option<&[f32]>,
        offset: Option<&[f32]>,
    ) -> Result<Option<Value>, String> {
        let Content::Picture { eye, picture } = frames.content else { return Ok(None) };
        let (channels, size) = self.shape_of(eye, picture);
        if frames.dims[1..] != [channels, size[0], size[1]] || frames.apart {
            return Ok(None);
        }
        if [factor, offset].into_iter().flatten().any(|numbers| numbers.len() != channels) {
            return Err(format!("has not as many constants as the {channels} channels"));
        }
        self.spend(2 * channels)?;
        let mut kind = self.eyes[eye].pictures[picture].kind.clone();
        let (scale, bias) = match &mut kind {
            Kind::Norm(_, norm) => (&mut norm.scale, &mut norm.bias),
            Kind::Convolution(_, _, filter) => (&mut filter.scale, &mut filter.bias),
            _ => return Ok(None),
        };
        for (c, (scale, bias)) in scale.iter_mut().zip(bias).enumerate() {
            let factor = factor.map_or(1.0, |factor| factor[c]);
            *scale *= factor;
            *bias = *bias * factor + offset.map_or(0.0, |offset| offset[c]);
        }
        self.add(node, eye, kind, channels, size).map(Some)
    }

    pub fn rectified(&mut self, node: &Node, eye: usize, of: usize, frames: &Frames) -> Result<Value, String> {
        let (channels, size) = self.shape_of(eye, of);
        let picture = self.push(node, eye, Kind::Rectified(of), channels, size)?;
        Ok(Value::Frames(Frames { content: Content::Picture { eye, picture }, ..frames.clone() }))
    }

    /// The sum of two pictures of the same images.
    pub fn sum_of_pictures(&mut self, node: &Node, a: &Frames, b: &Frames) -> Result<Option<Value>, String> {
        let (&Content::Picture { eye, picture: first }, &Content::Picture { eye: other, picture: second }) =
            (&a.content, &b.content)
        else {
            return Ok(None);
        };
        let (channels, size) = self.shape_of(eye, first);
        if eye != other || a.apart || b.apart || a.dims != b.dims || a.dims[1..] != [channels, size[0], size[1]] {
            return Ok(None);
        }
        self.add(node, eye, Kind::Sum(first, second), channels, size).map(Some)
    }

    /// What other steps see of a picture.
    pub fn seen(&mut self, eye: usize, picture: usize) -> Result<View, String> {
        let (channels, [height, width]) = self.shape_of(eye, picture);
        let images = self.eyes[eye].images.dims[0];
        let dims = vec![images, height, width, channels];
        let whole = match self.eyes[eye].read {
            Some((read, tensor)) if read == picture => View::whole(tensor, dims),
            Some(_) => return Err("reads a network of images at a second place".into()),
            None => {
                let layers = assemble::layers(&self.eyes[eye].pictures, picture)?;
                let sample = self.eyes[eye].images.permuted(&[0, 2, 3, 1]);
                let whole = self.step(Step::Images(sample, Box::new(layers)), dims)?;
                self.eyes[eye].read = Some((picture, whole.tensor));
                whole
            }
        };
        Ok(whole.permuted(&[0, 3, 1, 2]))
    }

    /// The picture that a tensor is; images are the first picture of a network.
    fn picture(&mut self, node: &Node, frames: &Frames) -> Result<(usize, usize), String> {
        let &[_, channels, height, width] = frames.dims.as_slice() else {
            return Err(format!("reads rows of shape {:?} that are no images", frames.dims));
        };
        if frames.apart {
            return Err("reads steps of an observation as images".into());
        }
        let (size, images) = (
            [height, width],
            match frames.content {
                Content::Picture { eye, picture } if self.shape_of(eye, picture) == (channels, [height, width]) => {
                    return Ok((eye, picture));
                }
                _ => self.view(frames)?,
            },
        );
        if let Some(eye) = self.eyes.iter().position(|eye| eye.images == images) {
            return Ok((eye, 0));
        }
        let node = (node.operator(), node.label().to_owned());
        let first = Picture { channels, size, kind: Kind::Images, node };
        self.eyes.push(Eye { images, pictures: vec![first], read: None });
        Ok((self.eyes.len() - 1, 0))
    }

    fn shape_of(&self, eye: usize, picture: usize) -> (usize, [usize; 2]) {
        let picture = &self.eyes[eye].pictures[picture];
        (picture.channels, picture.size)
    }

    fn push(
        &mut self,
        node: &Node,
        eye: usize,
        kind: Kind,
        channels: usize,
        size: [usize; 2],
    ) -> Result<usize, String> {
        let node = (node.operator(), node.label().to_owned());
        let Eye { images, pictures, .. } = &mut self.eyes[eye];
        // Rows of channels are whole registers.
        let row = channels.next_multiple_of(16) * images.dims[0];
        let numbers = size.iter().try_fold(row, |all, &side| all.checked_mul(side));
        if numbers.is_none_or(|numbers| numbers > LARGEST_TENSOR) {
            return Err(format!("makes {channels} channels of {size:?} pixels, too much for an encoder"));
        }
        pictures.push(Picture { channels, size, kind, node });
        Ok(pictures.len() - 1)
    }

    /// Adds a picture.
    fn add(&mut self, node: &Node, eye: usize, kind: Kind, channels: usize, size: [usize; 2]) -> Result<Value, String> {
        let picture = self.push(node, eye, kind, channels, size)?;
        let dims = vec![self.eyes[eye].images.dims[0], channels, size[0], size[1]];
        Ok(Value::Frames(Frames { apart: false, dims, content: Content::Picture { eye, picture } }))
    }
}

/// The window of a node.
fn window(node: &Node, image: [usize; 2], size: [usize; 2]) -> Result<Window, String> {
    let (strides, dilations) = (whole(node, "strides", 2, 1)?, whole(node, "dilations", 2, 1)?);
    let pads = whole(node, "pads", 4, 0)?;
    if dilations != [1, 1] || !matches!(node.string("auto_pad"), b"" | b"NOTSET") {
        return Err("has dilation or automatic padding".into());
    }
    let places = [0, 1].map(|axis| {
        let inside = pads[axis] < size[axis] && pads[axis + 2] < size[axis];
        let last = (image[axis] + pads[axis] + pads[axis + 2]).checked_sub(size[axis]).filter(|_| inside);
        last.map(|last| last / strides[axis] + 1)
    });
    match places {
        [Some(down), Some(across)] => Ok(Window {
            image,
            size,
            stride: [strides[0], strides[1]],
            padding: [pads[0], pads[1]],
            places: [down, across],
        }),
        _ => Err(format!("finds nothing in an image of {image:?}")),
    }
}
