//! Layers run as they are written down, one number after the other: the reference of every kernel.
//!
//! What a row comes to does not depend on the rows beside it.

use crate::{
    mish::mish,
    network::{Activation, Convolution, Film, GroupNorm, Layer, Layers},
};

/// Layers and their buffers.
#[derive(Clone, Debug)]
pub struct Plain {
    layers: Layers,
    buffers: Vec<Vec<f32>>,
}

impl Plain {
    /// Makes room for batches of one row; the buffers grow with the largest batch.
    pub fn new(layers: Layers) -> Self {
        let buffers = layers.buffers.iter().map(|&size| vec![0.0; size]).collect();
        Self { layers, buffers }
    }

    /// Predicts for `samples`, `[batch, position, channel]`, with the modulations `films`, `[batch, film_channels]`; the
    /// prediction is laid out as the samples are.
    pub fn run(&mut self, batch: usize, samples: &[f32], films: &[f32], prediction: &mut [f32]) {
        let Self { layers, buffers } = self;
        for (buffer, size) in buffers.iter_mut().zip(&layers.buffers) {
            buffer.resize(buffer.len().max(size * batch), 0.0);
        }
        let (sample, answer) = (layers.sample, layers.prediction);
        for (row, plan) in samples.chunks_exact(sample.positions * sample.channels).enumerate() {
            for (position, channels) in plan.chunks_exact(sample.channels).enumerate() {
                buffers[sample.buffer][sample.at(batch, position, row)..][..sample.channels].copy_from_slice(channels);
            }
        }
        for layer in &layers.layers {
            // A layer reads no buffer that it writes.
            let mut output = std::mem::take(&mut buffers[layer.output.buffer]);
            run(layer, batch, buffers, films, layers.film_channels, &mut output);
            buffers[layer.output.buffer] = output;
        }
        for (row, plan) in prediction.chunks_exact_mut(answer.positions * answer.channels).enumerate() {
            for (position, channels) in plan.chunks_exact_mut(answer.channels).enumerate() {
                channels.copy_from_slice(&buffers[answer.buffer][answer.at(batch, position, row)..][..answer.channels]);
            }
        }
    }
}

impl Activation {
    /// Where in its buffer a row's channels begin.
    fn at(&self, batch: usize, position: usize, row: usize) -> usize {
        (position * batch + row) * self.channels
    }
}

fn run(layer: &Layer, batch: usize, buffers: &[Vec<f32>], films: &[f32], film_channels: usize, output: &mut [f32]) {
    let out = layer.output;
    for row in 0..batch {
        for position in 0..out.positions {
            let sums = &mut output[out.at(batch, position, row)..][..out.channels];
            convolve(&layer.convolution, &layer.inputs, batch, buffers, position, row, sums);
        }
        if let Some(norm) = &layer.norm {
            normalise(norm, out, batch, row, output);
        }
        for position in 0..out.positions {
            let at = out.at(batch, position, row);
            let channels = &mut output[at..][..out.channels];
            if layer.mish {
                channels.iter_mut().for_each(|x| *x = mish(*x));
            }
            if let Some(film) = &layer.film {
                modulate(film, &films[row * film_channels..][..film_channels], channels);
            }
            if let Some(residual) = layer.residual {
                let residual = &buffers[residual.buffer][at..][..out.channels];
                channels.iter_mut().zip(residual).for_each(|(x, more)| *x += more);
            }
        }
    }
}

fn convolve(
    convolution: &Convolution,
    inputs: &[Activation],
    batch: usize,
    buffers: &[Vec<f32>],
    position: usize,
    row: usize,
    sums: &mut [f32],
) {
    sums.copy_from_slice(&convolution.bias);
    for tap in 0..convolution.geometry.taps {
        let mut weights =
            convolution.weights[tap * convolution.inputs * convolution.outputs..].chunks_exact(convolution.outputs);
        for input in inputs {
            let Some(source) = convolution.geometry.source(position, tap, input.positions) else { break };
            let channels = &buffers[input.buffer][input.at(batch, source, row)..][..input.channels];
            for (x, weights) in channels.iter().zip(&mut weights) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
            }
        }
    }
}

fn normalise(norm: &GroupNorm, out: Activation, batch: usize, row: usize, output: &mut [f32]) {
    let size = out.channels / norm.groups;
    let count = (size * out.positions) as f32;
    for group in 0..norm.groups {
        let first = group * size;
        let at = |position| out.at(batch, position, row) + first;
        let sum: f32 = (0..out.positions).map(|p| output[at(p)..][..size].iter().sum::<f32>()).sum();
        let mean = sum / count;
        let squares = |p| output[at(p)..][..size].iter().map(|x| (x - mean) * (x - mean)).sum::<f32>();
        let variance: f32 = (0..out.positions).map(squares).sum::<f32>() / count;
        let factor = 1.0 / (variance + norm.epsilon).sqrt();
        for position in 0..out.positions {
            for (c, x) in output[at(position)..][..size].iter_mut().enumerate() {
                *x = (*x - mean) * factor * norm.scale[first + c] + norm.bias[first + c];
            }
        }
    }
}

fn modulate(film: &Film, films: &[f32], channels: &mut [f32]) {
    if let Some(scale) = film.scale {
        channels.iter_mut().zip(&films[scale..]).for_each(|(x, scale)| *x *= scale);
    }
    if let Some(bias) = film.bias {
        channels.iter_mut().zip(&films[bias..]).for_each(|(x, bias)| *x += bias);
    }
}
