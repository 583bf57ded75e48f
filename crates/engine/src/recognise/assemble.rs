//! Fuses stages to steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    EngineError,
    network::{
        Attention, Condition, ConditioningTokens, Convolution, Features, Film, GroupNorm, Layer, LayerNorm, Layers,
        Network, Nonlinearity, Slice, Step,
    },
};

use super::{
    buffers::Buffers,
    reader::LARGEST_ROW,
    stage::{Kind, Modulation, Stage},
    value::{Piece, Scores},
};

/// The stages that one step replaces.
#[derive(Debug)]
enum Fused {
    Layer(Block),
    Norm(Normal),
    /// The stages that it reads.
    Attention([usize; 3]),
}

/// The stages of a normalisation of tokens.
#[derive(Debug)]
struct Normal {
    norm: usize,
    film: Option<usize>,
    /// The stage that it reads.
    input: usize,
}

/// The stages of a layer.
#[derive(Debug, Default)]
struct Block {
    convolution: usize,
    shift: Option<usize>,
    norm: Option<usize>,
    nonlinearity: Option<Nonlinearity>,
    film: Option<usize>,
    residual: Option<usize>,
    /// The stages that it reads.
    inputs: Vec<usize>,
}

/// The network whose prediction is the stage `prediction`.
pub fn network(mut stages: Vec<Stage>, prediction: usize, features: [Features; 2]) -> Result<Network, EngineError> {
    let (tokens, fused) = needed(&stages, prediction)?;
    let reads = fused.iter().map(|(&at, fused)| (at, fused.reads()));
    let mut buffers = Buffers::new(&stages, prediction, &tokens, reads, 16 * LARGEST_ROW)?;
    let sample = buffers.sample();
    let mut modulations = Modulations::new(features);
    let tokens = tokens.into_iter().map(|at| {
        let start = if let Kind::ConditioningTokens(pieces) = &stages[at].kind { modulations.place(pieces) } else { 0 };
        ConditioningTokens { activation: buffers.at(&stages, at), start }
    });
    let conditioning_tokens = tokens.collect();
    let mut steps = Vec::with_capacity(fused.len());
    for (at, fused) in fused {
        steps.push(step(&mut stages, at, fused, &mut buffers, &mut modulations)?);
    }
    let prediction = buffers.at(&stages, prediction);
    let Modulations { condition, channels: film_channels } = modulations;
    let layers = Layers { sample, conditioning_tokens, prediction, steps, film_channels, buffers: buffers.sizes() };
    Ok(Network { layers, condition })
}

fn step(
    stages: &mut [Stage],
    at: usize,
    fused: Fused,
    buffers: &mut Buffers,
    modulations: &mut Modulations,
) -> Result<Step, EngineError> {
    match fused {
        Fused::Layer(block) => layer(stages, at, &block, buffers, modulations).map(Step::Layer),
        Fused::Norm(normal) => {
            let film = normal.film.map(|film| modulations.film(&stages[film]));
            let (inputs, _, output) = buffers.place(stages, at, &[normal.input], None)?;
            let Kind::LayerNorm(_, norm) = &stages[normal.norm].kind else {
                return Err(stages[at].refused("ends no step"));
            };
            Ok(Step::Norm(LayerNorm { input: inputs[0], output, norm: norm.clone(), film }))
        }
        Fused::Attention(reads) => {
            let (inputs, _, output) = buffers.place(stages, at, &reads, None)?;
            let Kind::Attention(scores, _) = &stages[at].kind else { return Err(stages[at].refused("ends no step")) };
            let [query, key, value] = [inputs[0], inputs[1], inputs[2]];
            let Scores { heads, scale, ref mask, ref query_turn, ref key_turn, .. } = *scores;
            let mask = mask.as_ref().map(|mask| mask.to_vec());
            let (query_turn, key_turn) = (query_turn.clone(), key_turn.clone());
            Ok(Step::Attention(Attention { query, key, value, output, heads, scale, mask, query_turn, key_turn }))
        }
    }
}

fn layer(
    stages: &mut [Stage],
    at: usize,
    block: &Block,
    buffers: &mut Buffers,
    modulations: &mut Modulations,
) -> Result<Layer, EngineError> {
    let film = block.film.map(|film| modulations.film(&stages[film]));
    let (inputs, residual, output) = buffers.place(stages, at, &block.inputs, block.residual)?;
    let mut convolution = take(stages, block.convolution)?;
    if let Some(Kind::Shift(_, more)) = block.shift.map(|shift| &stages[shift].kind) {
        convolution.bias.iter_mut().zip(more).for_each(|(bias, more)| *bias += more);
    }
    let norm = block.norm.and_then(|norm| norm_of(&stages[norm]));
    let nonlinearity = block.nonlinearity;
    Ok(Layer { inputs, output, window: None, convolution, norm, nonlinearity, film, residual, rectified: false })
}

impl Fused {
    fn reads(&self) -> Vec<usize> {
        match self {
            Self::Layer(block) => block.inputs.iter().copied().chain(block.residual).collect(),
            Self::Norm(normal) => vec![normal.input],
            Self::Attention(reads) => reads.to_vec(),
        }
    }
}

/// The conditioning tokens and the steps, by the last stage of each, that the prediction depends on, in an order in which
/// they can run.
fn needed(stages: &[Stage], prediction: usize) -> Result<(Vec<usize>, BTreeMap<usize, Fused>), EngineError> {
    let (mut tokens, mut found) = (vec![], BTreeMap::new());
    let mut wanted = BTreeSet::from([prediction]);
    while let Some(at) = wanted.pop_last() {
        match stages[at].kind {
            Kind::Sample => {}
            Kind::ConditioningTokens(_) => tokens.push(at),
            _ => {
                let fused = fuse(stages, at).ok_or_else(|| stages[at].refused("does not end a layer"))?;
                wanted.extend(fused.reads());
                found.insert(at, fused);
            }
        }
    }
    Ok((tokens, found))
}

/// The step that ends with a stage, if there is one.
fn fuse(stages: &[Stage], at: usize) -> Option<Fused> {
    match stages[at].kind {
        Kind::LayerNorm(input, _) => Some(Fused::Norm(Normal { norm: at, film: None, input })),
        Kind::Film(of, _) if matches!(stages[of].kind, Kind::LayerNorm(..)) => {
            let Kind::LayerNorm(input, _) = stages[of].kind else { return None };
            Some(Fused::Norm(Normal { norm: of, film: Some(at), input }))
        }
        Kind::Attention(Scores { query, key, .. }, value) => Some(Fused::Attention([query, key, value])),
        Kind::Sum(a, b) => {
            // The block adds its shortcut, whether that is a convolution or an input of the block: a block that is normalised
            // or gated is no shortcut.
            let (a_block, b_block) = (block(stages, a), block(stages, b));
            let weight = |block: &Option<Block>| {
                let parts = |block: &Block| 1 + usize::from(block.norm.is_some()) + usize::from(block.film.is_some());
                block.as_ref().map_or(0, parts)
            };
            let (block, residual) = if weight(&a_block) >= weight(&b_block) { (a_block, b) } else { (b_block, a) };
            Some(Fused::Layer(Block { residual: Some(residual), ..block? }))
        }
        _ => block(stages, at).map(Fused::Layer),
    }
}

/// The layer `film(activate(normalise(convolve(inputs))))` that ends with a stage; all but the convolution are optional.
fn block(stages: &[Stage], mut at: usize) -> Option<Block> {
    let mut block = Block::default();
    if let Kind::Film(of, _) = stages[at].kind {
        block.film = Some(at);
        at = of;
    }
    if let Kind::Nonlinearity(of, nonlinearity) = stages[at].kind {
        block.nonlinearity = Some(nonlinearity);
        at = of;
    }
    if let Kind::Norm(of, _) = stages[at].kind {
        block.norm = Some(at);
        at = of;
    }
    if let Kind::Shift(of, _) = stages[at].kind {
        block.shift = Some(at);
        at = of;
    }
    let Kind::Convolution(of, _) = stages[at].kind else { return None };
    block.convolution = at;
    block.inputs = match &stages[of].kind {
        Kind::Concat(stages) => stages.clone(),
        _ => vec![of],
    };
    Some(block)
}

/// What is computed from the timestep and the observation, and where in a row of FiLM parameters it goes.
struct Modulations {
    condition: Condition,
    channels: usize,
}

impl Modulations {
    fn new([timestep, observation]: [Features; 2]) -> Self {
        Self { condition: Condition { timestep, observation }, channels: 0 }
    }

    /// Finds room for a layer's FiLM parameters.
    fn film(&mut self, stage: &Stage) -> Film {
        let Kind::Film(_, Modulation { scale, bias }) = &stage.kind else { return Film { scale: None, bias: None } };
        let mut place = |pieces: &Option<Vec<Piece>>| pieces.as_ref().map(|pieces| self.place(pieces));
        Film { scale: place(scale), bias: place(bias) }
    }

    /// Finds room for pieces, one after the other, and returns where they begin.
    fn place(&mut self, pieces: &[Piece]) -> usize {
        let start = self.channels;
        let Condition { timestep, observation } = &mut self.condition;
        for piece in pieces {
            for (features, at) in [(&mut *timestep, piece.timestep), (&mut *observation, piece.observation)] {
                features.outputs.extend(at.map(|(step, start)| (Slice { step, start, len: piece.len }, self.channels)));
            }
            self.channels += piece.len;
        }
        start
    }
}

/// Moves a convolution out of its stage: only one layer can have it.
fn take(stages: &mut [Stage], at: usize) -> Result<Convolution, EngineError> {
    match std::mem::replace(&mut stages[at].kind, Kind::Sample) {
        Kind::Convolution(_, convolution) => Ok(convolution),
        _ => Err(stages[at].refused("has two layers made of its result")),
    }
}

fn norm_of(stage: &Stage) -> Option<GroupNorm> {
    if let Kind::Norm(_, norm) = &stage.kind { Some(norm.clone()) } else { None }
}
