//! The engine's encoder, and the frames that it has seen.

use std::ops::Range;

use parapolicy_engine::Encoder;

use crate::{OpenEncoder, PredictError};

/// An encoder, and what it made of the last observations: where they are a history, most of their steps were in the one before.
#[derive(Debug)]
pub(super) struct NativeEncoder {
    encoder: Encoder,
    /// Frames of an observation.
    steps: usize,
    /// The last observations, and their features.
    frames: Vec<f32>,
    features: Vec<f32>,
    /// Of the observations at hand: those frames that were never seen, and their features.
    unseen: Vec<f32>,
    fresh: Vec<f32>,
    /// Where the features of each frame are.
    found: Vec<Found>,
}

/// Where the features of a frame are.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// Among those of the last observations.
    Before(usize),
    /// Among those that are encoded now.
    Now(usize),
}

impl NativeEncoder {
    pub fn new(encoder: Encoder, steps: usize) -> Self {
        let (frames, features, unseen, fresh) = Default::default();
        Self { encoder, steps, frames, features, unseen, fresh, found: vec![] }
    }

    /// Where the features of a frame are: a plan's observation has steps of the same plan's observation before.
    fn find(&self, observations: &[f32], frame: usize) -> Option<Found> {
        let dim = self.encoder.frame_dim();
        let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let sought = &observations[frame * dim..][..dim];
        let plan: Range<usize> = frame / self.steps * self.steps..frame;
        if let Some(at) = plan.clone().find(|at| same(&observations[at * dim..][..dim], sought)) {
            return Some(self.found[at]);
        }
        let mut before = (plan.start..plan.start + self.steps).filter(|at| (at + 1) * dim <= self.frames.len());
        before.find(|at| same(&self.frames[at * dim..][..dim], sought)).map(Found::Before)
    }
}

impl OpenEncoder for NativeEncoder {
    fn run(&mut self, observations: &[f32], features: &mut Vec<f32>) -> Result<(), PredictError> {
        let (dim, size) = (self.encoder.frame_dim(), self.encoder.size());
        self.found.clear();
        self.unseen.clear();
        for frame in 0..observations.len() / dim {
            let found = self.find(observations, frame).unwrap_or_else(|| Found::Now(self.unseen.len() / dim));
            if matches!(found, Found::Now(at) if at * dim == self.unseen.len()) {
                self.unseen.extend_from_slice(&observations[frame * dim..][..dim]);
            }
            self.found.push(found);
        }
        self.fresh.resize(self.unseen.len() / dim * size, 0.0);
        self.encoder.run(&self.unseen, &mut self.fresh)?;
        features.clear();
        for found in &self.found {
            features.extend_from_slice(match *found {
                Found::Before(at) => &self.features[at * size..][..size],
                Found::Now(at) => &self.fresh[at * size..][..size],
            });
        }
        self.frames.clear();
        self.frames.extend_from_slice(observations);
        self.features.clone_from(features);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parapolicy_engine::{EncoderNames, Graph, Precision, kernel::Kernel};

    use super::*;

    fn encoder(steps: usize) -> NativeEncoder {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/data/encoders/grouped.onnx");
        let graph = Graph::read(std::fs::read(path).unwrap()).unwrap();
        let names = EncoderNames { observation: "observation", features: "features" };
        NativeEncoder::new(Encoder::new(graph, &names, Kernel::fastest(Precision::F32), 1).unwrap(), steps)
    }

    #[test]
    fn a_frame_is_encoded_once() {
        let mut seeing = encoder(2);
        let dim = seeing.encoder.frame_dim();
        let frame = |seed: usize| (0..dim).map(move |i| ((i * 7 + seed * 13) % 256) as f32);
        let history = |steps: &[usize]| steps.iter().flat_map(|&seed| frame(seed)).collect::<Vec<f32>>();
        let mut features = vec![];
        // Two plans with their histories, and how many frames are new.
        for (steps, new) in [
            ([1, 1, 2, 2], 2),
            ([1, 3, 2, 4], 2),
            ([3, 5, 4, 4], 1),
            ([3, 5, 4, 4], 0),
            ([5, 3, 4, 9], 1),
            ([9, 5, 9, 9], 1),
        ] {
            seeing.run(&history(&steps), &mut features).unwrap();
            assert_eq!(seeing.unseen.len(), new * dim, "{steps:?}");
            let mut expected = vec![];
            encoder(2).run(&history(&steps), &mut expected).unwrap();
            assert_eq!(features, expected, "{steps:?}");
        }
        // Fewer plans, then more.
        seeing.run(&history(&[7, 8]), &mut features).unwrap();
        seeing.run(&history(&[8, 7, 7, 8]), &mut features).unwrap();
        assert_eq!(seeing.unseen.len(), 2 * dim);
    }
}
