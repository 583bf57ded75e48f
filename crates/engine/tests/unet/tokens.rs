//! Small networks of tokens, and their steps in f64.

use std::sync::Arc;

use parapolicy_engine::network::{
    Activation, Attention, ConditioningTokens, Film, Geometry, GroupNorm, Layer, LayerNorm, Layers, Nonlinearity, Step,
    Turn,
};
use proptest::prelude::*;

use super::small::Case;
use super::{Random, reference};

/// A layer of a transformer: tokens attend to each other and to conditioning tokens, then pass a perceptron. Normalisations
/// may be modulated and what is added gated; positions may turn queries and keys.
#[derive(Clone, Debug)]
pub struct Tokens {
    positions: usize,
    conditioning: usize,
    heads: usize,
    /// Channels of a head.
    depth: usize,
    batch: usize,
    /// Which optional parts it has.
    parts: u8,
    seed: u64,
}

/// Tokens and channels are below this; Miri takes its time.
const LARGEST: usize = if cfg!(miri) { 5 } else { 20 };

/// Tokens and channels that fill no register. (A few channels can be nearly equal; their normalisation is mostly rounding.)
pub fn any_tokens() -> impl Strategy<Value = Tokens> {
    (1..LARGEST, 1..LARGEST, 1_usize..4, 4..LARGEST.max(5), 1..LARGEST, 0_u8..16, any::<u64>()).prop_map(
        |(positions, conditioning, heads, depth, batch, parts, seed)| Tokens {
            positions,
            conditioning,
            heads,
            depth,
            batch,
            parts,
            seed,
        },
    )
}

impl Tokens {
    /// Tokens of which each attends to all.
    pub fn unmasked(batch: usize) -> Self {
        Self { positions: 11, conditioning: 3, heads: 2, depth: 12, batch, parts: 6, seed: 4 }
    }

    /// Tokens whose rows are kept from being a multiple of 4 KB apart.
    pub fn wide(batch: usize) -> Self {
        Self { positions: 3, conditioning: 2, heads: 4, depth: 256, batch, parts: 6, seed: 9 }
    }

    pub fn case(&self) -> Case {
        let &Self { positions, batch, seed, .. } = self;
        let modulated = (self.parts & 2 > 0).then_some(2);
        let mut builder = Builder { random: Random(seed), buffers: vec![], steps: vec![], modulated };
        let layers = self.layers(&mut builder);
        let sample = builder.random.numbers(batch * positions * 3, 1.0);
        let film = builder.random.numbers(batch * layers.film_channels, 1.0);
        let expected = reference(&layers, batch, &sample, &film);
        Case { layers, batch, sample, film, expected }
    }

    fn layers(&self, builder: &mut Builder) -> Layers {
        let &Self { positions, conditioning, heads, depth, parts, .. } = self;
        let size = heads * depth;
        let sample = builder.activation(positions, 3);
        let memory = builder.activation(conditioning, size);
        let mut x = builder.linear(sample, size, None, None);
        for asked in [None, Some(memory)] {
            let normal = builder.normal(x);
            let of = asked.unwrap_or(normal);
            let [query, key, value] = [normal, of, of].map(|input| builder.linear(input, size, None, None));
            let mask = (parts & 1 > 0).then(|| builder.mask(positions, of.positions));
            let turned = parts & 4 > 0 && depth.is_multiple_of(2);
            let mut turn = |positions: usize| turned.then(|| builder.turn(positions * depth));
            // Not all attention has both.
            let (query_turn, key_turn) = (turn(positions), turn(of.positions).filter(|_| asked.is_none()));
            let (output, scale) = (builder.activation(positions, size), 1.0 / (depth as f32).sqrt());
            let attention = Attention { query, key, value, output, heads, scale, mask, query_turn, key_turn };
            builder.steps.push(Step::Attention(attention));
            x = builder.linear(output, size, None, Some(x));
        }
        let normal = builder.normal(x);
        let nonlinearity = if parts & 8 > 0 { Nonlinearity::GeluTanh } else { Nonlinearity::Gelu };
        let wide = builder.linear(normal, 2 * size, Some(nonlinearity), None);
        let prediction = builder.linear(wide, size, None, Some(x));
        let start = builder.modulated.unwrap_or(2);
        let conditioning_tokens = vec![ConditioningTokens { activation: memory, start }];
        let (buffers, steps) = (builder.buffers.clone(), builder.steps.clone());
        let film_channels = start + memory.positions * size;
        Layers { buffers, sample, conditioning_tokens, prediction, steps, film_channels }
    }
}

/// Steps, each of which writes to a buffer of its own.
struct Builder {
    random: Random,
    buffers: Vec<usize>,
    steps: Vec<Step>,
    /// Where the next parameters of a modulation are, if there are any.
    modulated: Option<usize>,
}

impl Builder {
    fn activation(&mut self, positions: usize, channels: usize) -> Activation {
        self.buffers.push(positions * channels);
        Activation { buffer: self.buffers.len() - 1, positions, channels }
    }

    fn linear(
        &mut self,
        input: Activation,
        channels: usize,
        nonlinearity: Option<Nonlinearity>,
        residual: Option<Activation>,
    ) -> Activation {
        let output = self.activation(input.positions, channels);
        let convolution = self.random.convolution(Geometry::POINTWISE, input.channels, channels);
        let inputs = vec![input];
        let (window, norm, rectified) = (None, None, false);
        // What is added is gated.
        let film = residual.and_then(|_| self.film(channels, false));
        let layer = Layer { inputs, output, window, convolution, norm, nonlinearity, film, residual, rectified };
        self.steps.push(Step::Layer(layer));
        output
    }

    fn normal(&mut self, input: Activation) -> Activation {
        let output = self.activation(input.positions, input.channels);
        let norm = self.random.norm(input.channels, 1);
        let film = self.film(input.channels, true);
        self.steps.push(Step::Norm(LayerNorm { input, output, norm, film }));
        output
    }

    fn film(&mut self, channels: usize, shifted: bool) -> Option<Film> {
        let scale = self.modulated?;
        self.modulated = Some(scale + channels + if shifted { channels } else { 0 });
        Some(Film { scale: Some(scale), bias: shifted.then_some(scale + channels) })
    }

    fn turn(&mut self, numbers: usize) -> Arc<Turn> {
        let (cosines, sines) = (self.random.numbers(numbers, 1.0), self.random.numbers(numbers, 1.0));
        Turn { cosines, sines }.into()
    }

    /// Every query attends to the first key, at least.
    fn mask(&mut self, queries: usize, keys: usize) -> Vec<f32> {
        let mut number = |at: usize| match self.random.number() {
            number if number < 0.0 && !at.is_multiple_of(keys) => f32::NEG_INFINITY,
            number => number,
        };
        (0..queries * keys).map(&mut number).collect()
    }
}

/// Conditioning tokens, `[position, batch, channel]`.
pub fn conditioning(tokens: &ConditioningTokens, batch: usize, film: &[f32], film_channels: usize) -> Vec<f64> {
    let Activation { positions, channels, .. } = tokens.activation;
    let rows = (0..positions).flat_map(|position| (0..batch).map(move |row| (position, row)));
    let first = |(position, row)| row * film_channels + tokens.start + position * channels;
    rows.map(first).flat_map(|first| &film[first..first + channels]).map(|&x| f64::from(x)).collect()
}

pub fn normalise(norm: &LayerNorm, buffers: &[Vec<f64>], batch: usize, film: &[f32], film_channels: usize) -> Vec<f64> {
    let GroupNorm { epsilon, scale, bias, .. } = &norm.norm;
    let mut x = buffers[norm.input.buffer].clone();
    for (at, token) in x.chunks_exact_mut(norm.input.channels).enumerate() {
        let count = token.len() as f64;
        let mean = token.iter().sum::<f64>() / count;
        let variance = token.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        for (x, (scale, bias)) in token.iter_mut().zip(scale.iter().zip(bias)) {
            *x = (*x - mean) / (variance + f64::from(*epsilon)).sqrt() * f64::from(*scale) + f64::from(*bias);
        }
        if let Some(Film { scale, bias }) = norm.film {
            let number = |start: usize, channel: usize| f64::from(film[at % batch * film_channels + start + channel]);
            for (channel, x) in token.iter_mut().enumerate() {
                *x =
                    *x * scale.map_or(1.0, |scale| number(scale, channel)) + bias.map_or(0.0, |at| number(at, channel));
            }
        }
    }
    x
}

pub fn attend(attention: &Attention, buffers: &[Vec<f64>], batch: usize) -> Vec<f64> {
    let Attention { query, key, value, heads, scale, ref mask, ref query_turn, ref key_turn, .. } = *attention;
    let depth = query.channels / heads;
    let token = |of: Activation, position: usize, row: usize, head: usize| {
        &buffers[of.buffer][(position * batch + row) * of.channels + head * depth..][..depth]
    };
    let placed = |numbers: &[f64], position: usize, turn: &Option<Arc<Turn>>| -> Vec<f64> {
        let Some(turn) = turn else { return numbers.to_vec() };
        let at = |of: &[f32], channel: usize| f64::from(of[position * depth + channel]);
        let right = |channel: usize| {
            if channel < depth / 2 { -numbers[depth / 2 + channel] } else { numbers[channel - depth / 2] }
        };
        (0..depth).map(|c| numbers[c] * at(&turn.cosines, c) + right(c) * at(&turn.sines, c)).collect()
    };
    let mut answer = Vec::with_capacity(query.positions * batch * query.channels);
    for (position, row) in (0..query.positions).flat_map(|position| (0..batch).map(move |row| (position, row))) {
        for head in 0..heads {
            let asks = placed(token(query, position, row, head), position, query_turn);
            let score = |at: usize| {
                let asked = placed(token(key, at, row, head), at, key_turn);
                let product: f64 = asks.iter().zip(asked).map(|(a, b)| a * b).sum();
                let mask = mask.as_ref().map_or(0.0, |mask| f64::from(mask[position * key.positions + at]));
                (product * f64::from(scale) + mask).exp()
            };
            let weights: Vec<_> = (0..key.positions).map(score).collect();
            let sum: f64 = weights.iter().sum();
            let channel = |channel: usize| {
                weights.iter().enumerate().map(|(at, weight)| weight / sum * token(value, at, row, head)[channel]).sum()
            };
            answer.extend((0..depth).map(channel).collect::<Vec<f64>>());
        }
    }
    answer
}

/// The error function by its Taylor series; from 4 on it is 1 to seven digits.
pub fn erf(x: f64) -> f64 {
    if x.abs() >= 4.0 {
        return x.signum();
    }
    let mut power = x;
    let mut sum = x;
    for n in 1..100 {
        power *= -x * x / f64::from(n);
        sum += power / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}
