//! Small networks of images, and their steps in f64.

use parapolicy_engine::network::{Activation, Convolution, Geometry, Largest, Layer, Layers, Repeat, Step, Window};
use proptest::prelude::*;

use super::{Random, reference, small::Case};

/// The description of a small network of images.
#[derive(Clone, Debug)]
pub struct Image {
    size: [usize; 2],
    window: Option<Window>,
    /// Of the image, of what the first layer makes of it, and of a group of the second, with the number of groups.
    channels: [usize; 4],
    batch: usize,
    /// Which optional parts the second layer has.
    parts: u8,
    seed: u64,
}

/// Any window that sees something of the image, groups that fill no register.
pub fn any_image() -> impl Strategy<Value = Image> {
    let two = |range: std::ops::Range<usize>| [range.clone(), range];
    let most = if cfg!(miri) { 5 } else { 20 };
    let shape = (two(1..most), two(1..5), two(1..4), two(0..3));
    let channels = [1..7_usize, 1..40, 1..20, 1..4];
    (shape, channels, 1_usize..7, 0_u8..16, any::<u64>()).prop_map(
        |((size, window, stride, padding), channels, batch, parts, seed)| {
            let padding = [0, 1].map(|axis| padding[axis].min(window[axis] - 1));
            let places = [0, 1].map(|axis| {
                (size[axis] + 2 * padding[axis]).checked_sub(window[axis]).map(|last| last / stride[axis] + 1)
            });
            let window = match places {
                [Some(down), Some(across)] => {
                    Some(Window { image: size, size: window, stride, padding, places: [down, across] })
                }
                _ => None,
            };
            Image { size, window, channels, batch, parts, seed }
        },
    )
}

impl Image {
    /// None where the window is larger than the image.
    pub fn case(&self) -> Option<Case> {
        let (mut random, batch) = (Random(self.seed), self.batch);
        let layers = self.layers(&mut random)?;
        let sample = random.numbers(batch * self.size[0] * self.size[1] * self.channels[0], 1.0);
        let expected = reference(&layers, batch, &sample, &[]);
        Some(Case { layers, batch, sample, film: vec![], expected })
    }

    /// A layer with the window, its largest numbers, a layer of the same kind, and the first layer's result enlarged and added.
    fn layers(&self, random: &mut Random) -> Option<Layers> {
        let Self { size: [height, width], window, channels: [seen, first, group, groups], parts, .. } = *self;
        let window = window?;
        let pixels = height * width;
        let [down, across] = window.places;
        let activation = |buffer, positions, channels| Activation { buffer, positions, channels };
        // The rows of an image, or its pixels.
        let sample = if parts & 1 > 0 { activation(0, height, width * seen) } else { activation(0, pixels, seen) };
        let same =
            Window { image: [height, width], size: [3; 2], stride: [1; 2], padding: [1; 2], places: [height, width] };
        let (a, b) = (activation(1, pixels, first), activation(2, down * across, first));
        let channels = group * groups;
        let (c, d) = (activation(3, pixels, channels), activation(4, down * across, channels));
        let (e, f) = (activation(5, 4 * pixels, channels), activation(6, 4 * pixels, channels));
        let layer = |random: &mut Random, input, output: Activation, window: Option<Window>, channels: usize| {
            let inputs = channels * window.map_or(1, |window| window.taps());
            let convolution: Convolution = random.convolution(Geometry::POINTWISE, inputs, output.channels);
            let (norm, nonlinearity, film, residual) = (None, None, None, None);
            let inputs = vec![input];
            Layer { inputs, output, window, convolution, norm, nonlinearity, film, residual, rectified: true }
        };
        let mut second = layer(random, b, d, None, first);
        if parts & 2 > 0 && group * down * across > 8 {
            second.norm = Some(random.norm(channels, groups));
        }
        let large = Window { image: [2 * height, 2 * width], places: [2 * height, 2 * width], ..same };
        let mut last = layer(random, e, f, Some(large), channels);
        last.residual = (parts & 4 > 0).then_some(e);
        last.rectified = parts & 8 > 0;
        let steps = vec![
            Step::Layer(layer(random, sample, a, Some(same), seen)),
            Step::Largest(Largest { input: a, output: b, window }),
            Step::Layer(second),
            Step::Layer(layer(random, a, c, Some(same), first)),
            Step::Repeat(Repeat { input: c, output: e, image: [height, width], times: [2, 2], residual: None }),
            Step::Layer(last),
            Step::Layer(layer(random, a, d, Some(window), first)),
        ];
        let buffers = [sample, a, b, c, d, e, f].map(|of| of.positions * of.channels).to_vec();
        let (prediction, steps) = if parts & 1 > 0 { (f, steps[..6].to_vec()) } else { (d, steps) };
        Some(Layers { buffers, sample, conditioning_tokens: vec![], prediction, steps, film_channels: 0 })
    }
}

/// What a window covers at a place, one pixel after the other.
pub fn patch(window: &Window, place: usize, pixel: impl Fn(usize) -> Vec<f64>, channels: usize) -> Vec<f64> {
    let at = |axis: usize, place: usize, tap: usize| {
        (place * window.stride[axis] + tap).checked_sub(window.padding[axis]).filter(|&at| at < window.image[axis])
    };
    let [down, across] = [place / window.places[1], place % window.places[1]];
    let taps = (0..window.size[0]).flat_map(|y| (0..window.size[1]).map(move |x| (y, x)));
    taps.flat_map(|(y, x)| match (at(0, down, y), at(1, across, x)) {
        (Some(y), Some(x)) => pixel(y * window.image[1] + x),
        _ => vec![0.0; channels],
    })
    .collect()
}

/// The largest numbers in windows, or an enlarged image.
pub fn pixels(step: &Step, buffers: &[Vec<f64>], batch: usize) -> Vec<f64> {
    let output = step.output();
    let mut found = vec![];
    for row in 0..output.positions * batch {
        let (place, image) = (row / batch, row % batch);
        for channel in 0..output.channels {
            let of = |of: Activation, at: usize| buffers[of.buffer][(at * batch + image) * of.channels + channel];
            found.push(match step {
                Step::Largest(Largest { input, window, .. }) => {
                    let inside = patch(window, place, |_| vec![1.0], 1);
                    let seen = patch(window, place, |at| vec![of(*input, at)], 1);
                    let seen = seen.into_iter().zip(inside).filter(|&(_, inside)| inside > 0.0);
                    seen.fold(f64::NEG_INFINITY, |largest, (x, _)| largest.max(x))
                }
                Step::Repeat(Repeat { input, image: size, times, residual, .. }) => {
                    let wide = size[1] * times[1];
                    let at = place / wide / times[0] * size[1] + place % wide / times[1];
                    of(*input, at) + residual.map_or(0.0, |residual| of(residual, place))
                }
                _ => f64::NAN,
            });
        }
    }
    found
}
