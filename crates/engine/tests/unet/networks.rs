//! The shipped network's shape with random weights, for tests and benchmarks.
#![allow(dead_code, reason = "not all who share it use all of it")]

pub mod images;
pub mod small;
pub mod tokens;

use std::f64::consts::FRAC_2_PI;

use parapolicy_engine::kernel::Program;
use parapolicy_engine::network::{
    Activation, Convolution, Film, Geometry, GroupNorm, Layer, Layers, Nonlinearity, Step, Weights,
};

pub const SAME: Geometry = Geometry { taps: 5, stride: 1, padding: 2, transposed: false };
pub const SHRINK: Geometry = Geometry { taps: 3, stride: 2, padding: 1, transposed: false };
pub const GROW: Geometry = Geometry { taps: 4, stride: 2, padding: 1, transposed: true };

/// Numbers in `-1..1` from a linear congruential generator (Knuth 1981, table 1, line 26).
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn numbers(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| self.number() * scale).collect()
    }

    pub fn convolution(&mut self, geometry: Geometry, inputs: usize, outputs: usize) -> Convolution {
        let scale = (3.0 / (geometry.taps * inputs) as f32).sqrt();
        let weights = Weights::new(self.numbers(geometry.taps * inputs * outputs, scale), [inputs, outputs]);
        Convolution { geometry, inputs, outputs, weights, bias: self.numbers(outputs, 0.1) }
    }

    pub fn norm(&mut self, channels: usize, groups: usize) -> GroupNorm {
        let scale = self.numbers(channels, 0.3).iter().map(|x| x + 1.0).collect();
        GroupNorm { groups, epsilon: 1e-5, scale, bias: self.numbers(channels, 0.3) }
    }
}

/// Builds the layers of a conditional U-Net, each activation in a buffer of its own.
pub struct Builder {
    random: Random,
    groups: usize,
    layers: Layers,
}

impl Builder {
    fn activation(&mut self, positions: usize, channels: usize) -> Activation {
        self.layers.buffers.push(positions * channels);
        Activation { buffer: self.layers.buffers.len() - 1, positions, channels }
    }

    fn plain(&mut self, inputs: &[Activation], geometry: Geometry, positions: usize, outputs: usize) -> Activation {
        let output = self.activation(positions, outputs);
        let channels = inputs.iter().map(|input| input.channels).sum();
        let convolution = self.random.convolution(geometry, channels, outputs);
        let inputs = inputs.to_vec();
        self.layers.steps.push(Step::Layer(Layer {
            inputs,
            output,
            window: None,
            convolution,
            norm: None,
            nonlinearity: None,
            film: None,
            residual: None,
            rectified: false,
        }));
        output
    }

    fn last(&mut self) -> Option<&mut Layer> {
        self.layers.steps.last_mut().and_then(|step| if let Step::Layer(layer) = step { Some(layer) } else { None })
    }

    fn block(&mut self, inputs: &[Activation], outputs: usize) -> Activation {
        let output = self.plain(inputs, SAME, inputs[0].positions, outputs);
        let norm = self.random.norm(outputs, self.groups);
        if let Some(layer) = self.last() {
            (layer.norm, layer.nonlinearity) = (Some(norm), Some(Nonlinearity::Mish));
        }
        output
    }

    fn residual(&mut self, inputs: &[Activation], outputs: usize) -> Activation {
        let same = inputs.len() == 1 && inputs[0].channels == outputs;
        let shortcut =
            if same { inputs[0] } else { self.plain(inputs, Geometry::POINTWISE, inputs[0].positions, outputs) };
        let first = self.block(inputs, outputs);
        let film = self.layers.film_channels;
        self.layers.film_channels += 2 * outputs;
        if let Some(layer) = self.last() {
            layer.film = Some(Film { scale: Some(film), bias: Some(film + outputs) });
        }
        let second = self.block(&[first], outputs);
        if let Some(layer) = self.last() {
            layer.residual = Some(shortcut);
        }
        second
    }
}

/// A U-Net of `widths`, kernel 5, for `action` numbers at `horizon` positions.
pub fn unet(seed: u64, action: usize, horizon: usize, widths: &[usize], groups: usize) -> Layers {
    let sample = Activation { buffer: 0, positions: horizon, channels: action };
    let layers = Layers {
        buffers: vec![horizon * action],
        sample,
        conditioning_tokens: vec![],
        prediction: sample,
        steps: vec![],
        film_channels: 0,
    };
    let mut builder = Builder { random: Random(seed), groups, layers };
    let mut x = sample;
    let mut skips = Vec::new();
    for (depth, &width) in widths.iter().enumerate() {
        x = builder.residual(&[x], width);
        x = builder.residual(&[x], width);
        skips.push(x);
        if depth + 1 < widths.len() {
            x = builder.plain(&[x], SHRINK, x.positions / 2, width);
        }
    }
    for _ in 0..2 {
        x = builder.residual(&[x], x.channels);
    }
    for &width in widths[..widths.len() - 1].iter().rev() {
        let Some(skip) = skips.pop() else { break };
        x = builder.residual(&[x, skip], width);
        x = builder.residual(&[x], width);
        x = builder.plain(&[x], GROW, x.positions * 2, width);
    }
    x = builder.block(&[x], widths[0]);
    builder.layers.prediction = builder.plain(&[x], Geometry::POINTWISE, horizon, action);
    builder.layers
}

/// The prediction in f64, number by number.
pub fn reference(layers: &Layers, batch: usize, sample: &[f32], film: &[f32]) -> Vec<f64> {
    let mut buffers = vec![Vec::new(); layers.buffers.len()];
    let Activation { positions, channels, buffer } = layers.sample;
    buffers[buffer] = vec![0.0; sample.len()];
    for (i, &x) in sample.iter().enumerate() {
        let (row, position, channel) = (i / channels / positions, i / channels % positions, i % channels);
        buffers[buffer][(position * batch + row) * channels + channel] = f64::from(x);
    }
    for tokens in &layers.conditioning_tokens {
        buffers[tokens.activation.buffer] = tokens::conditioning(tokens, batch, film, layers.film_channels);
    }
    for step in &layers.steps {
        buffers[step.output().buffer] = match step {
            Step::Layer(layer) => evaluate(layer, &buffers, batch, film, layers.film_channels),
            Step::Norm(norm) => tokens::normalise(norm, &buffers, batch, film, layers.film_channels),
            Step::Attention(attention) => tokens::attend(attention, &buffers, batch),
            Step::Largest(_) | Step::Repeat(_) => images::pixels(step, &buffers, batch),
        };
    }
    let Activation { positions, channels, buffer } = layers.prediction;
    let at = |row: usize, position: usize, channel: usize| (position * batch + row) * channels + channel;
    let rows = (0..batch).flat_map(|row| (0..positions).map(move |position| (row, position)));
    rows.flat_map(|(row, position)| (0..channels).map(move |channel| (row, position, channel)))
        .map(|(row, position, channel)| buffers[buffer][at(row, position, channel)])
        .collect()
}

fn evaluate(layer: &Layer, buffers: &[Vec<f64>], batch: usize, film: &[f32], film_channels: usize) -> Vec<f64> {
    let Convolution { geometry, outputs, weights, bias, .. } = &layer.convolution;
    let mut x = vec![0.0; layer.output.positions * batch * outputs];
    for position in 0..layer.output.positions {
        for row in 0..batch {
            let x = &mut x[(position * batch + row) * outputs..][..*outputs];
            x.iter_mut().zip(bias).for_each(|(x, &bias)| *x = f64::from(bias));
            if let Some(window) = &layer.window {
                let (input, channels) = (&layer.inputs[0], layer.convolution.inputs / window.taps());
                // An activation has rows of pixels, or pixels.
                let across = input.positions * input.channels / channels / window.image[0];
                let line = input.channels / channels;
                let pixel = |at: usize| {
                    let (position, first) =
                        if line == across { (at / across, at % across * channels) } else { (at, 0) };
                    buffers[input.buffer][(position * batch + row) * input.channels + first..][..channels].to_vec()
                };
                for (k, a) in images::patch(window, position, pixel, channels).into_iter().enumerate() {
                    x.iter_mut().enumerate().for_each(|(output, x)| *x += a * f64::from(weights.at([0, k, output])));
                }
            }
            for tap in 0..if layer.window.is_some() { 0 } else { geometry.taps } {
                let Some(source) = geometry.source(position, tap, layer.inputs[0].positions) else { continue };
                let mut k = 0;
                for input in &layer.inputs {
                    for &a in &buffers[input.buffer][(source * batch + row) * input.channels..][..input.channels] {
                        let weight = |output| f64::from(weights.at([tap, k, output]));
                        x.iter_mut().enumerate().for_each(|(output, x)| *x += a * weight(output));
                        k += 1;
                    }
                }
            }
        }
    }
    for row in 0..batch {
        let at = |position: usize, channel: usize| (position * batch + row) * outputs + channel;
        if let Some(norm) = &layer.norm {
            let size = outputs / norm.groups;
            for group in 0..norm.groups {
                let members = || {
                    let channels = group * size..(group + 1) * size;
                    channels.flat_map(|channel| (0..layer.output.positions).map(move |position| (position, channel)))
                };
                let count = (size * layer.output.positions) as f64;
                let mean = members().map(|(p, c)| x[at(p, c)]).sum::<f64>() / count;
                let variance = members().map(|(p, c)| (x[at(p, c)] - mean).powi(2)).sum::<f64>() / count;
                for (p, c) in members() {
                    let normal = (x[at(p, c)] - mean) / (variance + f64::from(norm.epsilon)).sqrt();
                    x[at(p, c)] = normal * f64::from(norm.scale[c]) + f64::from(norm.bias[c]);
                }
            }
        }
        for position in 0..layer.output.positions {
            for channel in 0..*outputs {
                let x = &mut x[at(position, channel)];
                match layer.nonlinearity {
                    Some(Nonlinearity::Mish) => *x *= x.exp().ln_1p().tanh(),
                    Some(Nonlinearity::Gelu) => *x *= 0.5 * (1.0 + tokens::erf(*x / 2_f64.sqrt())),
                    Some(Nonlinearity::GeluTanh) => {
                        *x *= 0.5 * (1.0 + (FRAC_2_PI.sqrt() * (*x + 0.044715 * x.powi(3))).tanh());
                    }
                    None => {}
                }
                if let Some(Film { scale, bias }) = layer.film {
                    let number = |start: usize| f64::from(film[row * film_channels + start + channel]);
                    *x = *x * scale.map_or(1.0, number) + bias.map_or(0.0, number);
                }
                if let Some(residual) = layer.residual {
                    *x += buffers[residual.buffer][at(position, channel)];
                }
                if layer.rectified {
                    *x = x.max(0.0);
                }
            }
        }
    }
    x
}

/// `|a - b| / |b|`, in the Euclidean norm.
pub fn relative_error(a: &[f32], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// Evaluates a network, whose prediction has `len` numbers.
pub fn run(program: &mut Program, batch: usize, sample: &[f32], film: &[f32], len: usize) -> Vec<f32> {
    program.load(batch, |to_sample, to_film| {
        to_sample.copy_from_slice(sample);
        to_film.copy_from_slice(film);
    });
    let mut prediction = vec![0.0; len];
    program.run(&mut prediction);
    prediction
}
