//! Small networks of any shape.

use parapolicy_engine::network::{Activation, Convolution, Film, Geometry, Layer, Layers, Nonlinearity, Step};
use proptest::prelude::*;

use super::{GROW, Random, SAME, SHRINK, reference};

/// The description of a small network.
#[derive(Clone, Debug)]
pub struct Small {
    geometry: Geometry,
    positions: usize,
    /// Of the two activations that it reads.
    channels: (usize, usize),
    /// Channels of a group, and groups.
    group: (usize, usize),
    batch: usize,
    /// Which optional parts a layer has.
    parts: u8,
    seed: u64,
}

/// A network, its inputs, and its result in f64.
pub struct Case {
    pub layers: Layers,
    pub batch: usize,
    pub sample: Vec<f32>,
    pub film: Vec<f32>,
    pub expected: Vec<f64>,
}

/// Channels and batches are below this; Miri takes its time.
const LARGEST: usize = if cfg!(miri) { 7 } else { 40 };
/// How many of them a test tries.
pub const CASES: u32 = if cfg!(miri) { 6 } else { 48 };

/// Channels that fill no register, batches to 33, any taps, stride and padding.
pub fn any_small() -> impl Strategy<Value = Small> {
    let positions = prop_oneof![1..=LARGEST.min(16), Just(4), Just(8), Just(LARGEST.min(16))];
    let channels = (1..LARGEST, 1..LARGEST);
    let group = (1..LARGEST, 1_usize..5);
    (geometry(), positions, channels, group, 1..=LARGEST.min(33), 0_u8..128, any::<u64>()).prop_map(
        |(geometry, positions, channels, group, batch, parts, seed)| Small {
            geometry,
            positions,
            channels,
            group,
            batch,
            parts,
            seed,
        },
    )
}

impl Small {
    /// None where the convolution has no outputs.
    pub fn case(&self) -> Option<Case> {
        let (mut random, batch) = (Random(self.seed), self.batch);
        let layers = layers(&mut random, self);
        // A group of few numbers can be nearly constant; its normalisation is mostly rounding.
        let rounding = self.parts & 1 > 0 && self.group.0 * layers.prediction.positions <= 8;
        if layers.prediction.positions == 0 || rounding {
            return None;
        }
        let sample = random.numbers(batch * self.positions * 3, 1.0);
        let film = random.numbers(batch * layers.film_channels, 2.0);
        let expected = reference(&layers, batch, &sample, &film);
        Some(Case { layers, batch, sample, film, expected })
    }
}

/// Two pointwise layers, then one of the kind in question on both of them, modulated, with a residual.
fn layers(random: &mut Random, small: &Small) -> Layers {
    let Small { geometry, positions, channels: (first, second), group: (size, groups), parts, .. } = *small;
    let channels = size * groups;
    let outputs =
        (1..).take_while(|&output| (0..geometry.taps).any(|tap| geometry.source(output - 1, tap, positions).is_some()));
    let outputs = match (geometry.transposed, geometry.stride) {
        (true, stride) => outputs.count().min(positions * stride),
        (false, stride) => outputs.count().min(positions.div_ceil(stride)),
    };
    let activation = |buffer, positions, channels| Activation { buffer, positions, channels };
    let sample = activation(0, positions, 3);
    let plain = |inputs: &[Activation], output, convolution: Convolution| Layer {
        inputs: inputs.to_vec(),
        output,
        window: None,
        convolution,
        norm: None,
        nonlinearity: None,
        film: None,
        residual: None,
        rectified: false,
    };
    let (a, b) = (activation(1, positions, first), activation(2, positions, second));
    let (c, d) = (activation(3, outputs, channels), activation(4, outputs, channels));
    let mut layers = vec![
        plain(&[sample], a, random.convolution(Geometry::POINTWISE, 3, first)),
        plain(&[sample], b, random.convolution(Geometry::POINTWISE, 3, second)),
        plain(&[a, b], c, random.convolution(geometry, first + second, channels)),
    ];
    let mut last = plain(&[b, a], d, random.convolution(geometry, first + second, channels));
    last.norm = (parts & 1 > 0).then(|| random.norm(channels, groups));
    last.nonlinearity = match parts / 32 {
        0 => (parts & 2 > 0).then_some(Nonlinearity::Mish),
        1 => Some(Nonlinearity::Gelu),
        2 => Some(Nonlinearity::GeluTanh),
        _ => None,
    };
    last.film = Some(Film { scale: (parts & 4 > 0).then_some(1), bias: (parts & 8 > 0).then_some(1 + channels) });
    last.residual = (parts & 16 > 0).then_some(c);
    layers.push(last);
    let buffers = vec![positions * 3, positions * first, positions * second, outputs * channels, outputs * channels];
    let steps = layers.into_iter().map(Step::Layer).collect();
    Layers { buffers, sample, conditioning_tokens: vec![], prediction: d, steps, film_channels: 2 * channels + 1 }
}

fn geometry() -> impl Strategy<Value = Geometry> {
    let any = (1_usize..=6, 1_usize..=3, 0_usize..=3, any::<bool>()).prop_map(|(taps, stride, padding, transposed)| {
        Geometry { taps, stride, padding: padding.min(taps - 1), transposed }
    });
    prop_oneof![2 => any, 2 => Just(SAME), 1 => Just(SHRINK), 1 => Just(GROW)]
}
