//! Stages fused to layers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    EngineError,
    network::{Condition, Convolution, Features, Film, GroupNorm, Layer, Layers, Network, Slice},
};

use super::{
    buffers::Buffers,
    stage::{Kind, Modulation, Stage},
    value::Piece,
};

/// Stages that one layer takes the place of.
#[derive(Debug, Default)]
struct Fused {
    convolution: usize,
    norm: Option<usize>,
    mish: bool,
    film: Option<usize>,
    residual: Option<usize>,
    /// The stages that it reads.
    inputs: Vec<usize>,
}

/// The network whose answer is the stage `prediction`.
pub fn network(mut stages: Vec<Stage>, prediction: usize, features: [Features; 2]) -> Result<Network, EngineError> {
    let fused = needed(&stages, prediction)?;
    let mut buffers = Buffers::new(&stages, prediction, fused.iter().map(|(&at, fused)| (at, fused.reads())));
    let sample = buffers.sample();
    let [timestep, observation] = features;
    let mut condition = Condition { timestep, observation };
    let mut film_channels = 0;
    let mut layers = Vec::with_capacity(fused.len());
    for (at, fused) in fused {
        let film = fused.film.map(|film| modulation(&stages[film], &mut condition, &mut film_channels));
        let (inputs, residual, output) = buffers.place(&stages, at, &fused.inputs, fused.residual)?;
        let convolution = take(&mut stages, fused.convolution)?;
        let norm = fused.norm.and_then(|norm| norm_of(&stages[norm]));
        layers.push(Layer { inputs, output, convolution, norm, mish: fused.mish, film, residual });
    }
    let prediction = buffers.at(&stages, prediction);
    let layers = Layers { sample, prediction, layers, film_channels, buffers: buffers.sizes() };
    Ok(Network { layers, condition })
}

impl Fused {
    fn reads(&self) -> Vec<usize> {
        self.inputs.iter().copied().chain(self.residual).collect()
    }
}

/// The layers that the prediction depends on, by the last stage of each: in that order they can run.
fn needed(stages: &[Stage], prediction: usize) -> Result<BTreeMap<usize, Fused>, EngineError> {
    let mut found = BTreeMap::new();
    let mut wanted = BTreeSet::from([prediction]);
    while let Some(at) = wanted.pop_last() {
        if at == 0 {
            continue;
        }
        let fused = fuse(stages, at).ok_or_else(|| refused(&stages[at], "does not end a layer"))?;
        wanted.extend(fused.reads());
        found.insert(at, fused);
    }
    Ok(found)
}

/// The layer that ends with a stage, if there is one.
fn fuse(stages: &[Stage], at: usize) -> Option<Fused> {
    let Kind::Sum(a, b) = stages[at].kind else { return block(stages, at) };
    // A block takes its shortcut in, be that a convolution or what the block reads.
    let (a_block, b_block) = (block(stages, a), block(stages, b));
    let weight = |block: &Option<Fused>| block.as_ref().map_or(0, |block| 1 + usize::from(block.norm.is_some()));
    let (block, residual) = if weight(&a_block) >= weight(&b_block) { (a_block, b) } else { (b_block, a) };
    Some(Fused { residual: Some(residual), ..block? })
}

/// `film(mish(normalise(convolve(inputs))))`, as much of it as there is.
fn block(stages: &[Stage], mut at: usize) -> Option<Fused> {
    let mut fused = Fused::default();
    if let Kind::Film(of, _) = stages[at].kind {
        fused.film = Some(at);
        at = of;
    }
    if let Kind::Mish(of) = stages[at].kind {
        fused.mish = true;
        at = of;
    }
    if let Kind::Norm(of, _) = stages[at].kind {
        fused.norm = Some(at);
        at = of;
    }
    let Kind::Convolution(of, _) = stages[at].kind else { return None };
    fused.convolution = at;
    fused.inputs = match &stages[of].kind {
        Kind::Concat(parts) => parts.clone(),
        _ => vec![of],
    };
    Some(fused)
}

/// Finds room for a layer's modulations, and says what they are.
fn modulation(stage: &Stage, condition: &mut Condition, film_channels: &mut usize) -> Film {
    let Kind::Film(_, Modulation { scale, bias }) = &stage.kind else { return Film { scale: None, bias: None } };
    let mut place = |pieces: &Option<Vec<Piece>>| {
        let start = *film_channels;
        let pieces = pieces.as_ref()?;
        for piece in pieces {
            for (features, at) in
                [(&mut condition.timestep, piece.timestep), (&mut condition.observation, piece.observation)]
            {
                features.parts.extend(at.map(|(step, start)| (Slice { step, start, len: piece.len }, *film_channels)));
            }
            *film_channels += piece.len;
        }
        Some(start)
    };
    Film { scale: place(scale), bias: place(bias) }
}

/// Takes a convolution out of its stage: a layer has it to itself.
fn take(stages: &mut [Stage], at: usize) -> Result<Convolution, EngineError> {
    match std::mem::replace(&mut stages[at].kind, Kind::Sample) {
        Kind::Convolution(_, convolution) => Ok(convolution),
        _ => Err(refused(&stages[at], "has two layers made of its result")),
    }
}

fn norm_of(stage: &Stage) -> Option<GroupNorm> {
    if let Kind::Norm(_, norm) = &stage.kind { Some(norm.clone()) } else { None }
}

pub fn refused(stage: &Stage, problem: &str) -> EngineError {
    let (operator, node) = stage.node.clone();
    EngineError::Refused { operator, node, problem: problem.into() }
}
