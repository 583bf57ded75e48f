//! In which buffer each stage is. A buffer is used again as soon as nothing reads its content any more.

use std::collections::HashMap;

use crate::{EngineError, network::Activation};

use super::stage::Stage;

/// The buffers, and in which of them each stage is.
#[derive(Debug)]
pub struct Buffers {
    /// Numbers of a batch row, by buffer.
    sizes: Vec<usize>,
    free: Vec<usize>,
    placed: HashMap<usize, usize>,
    /// The last step that reads a stage; the prediction is never free.
    last: HashMap<usize, usize>,
    sample: Activation,
    /// The most numbers of all buffers.
    most: usize,
}

impl Buffers {
    /// The stages `inputs` are there before the first step. `steps` are the steps in order: the stage with which each ends,
    /// and the stages that it reads. All buffers together have `most` numbers.
    pub fn new(
        stages: &[Stage],
        prediction: usize,
        inputs: &[usize],
        steps: impl Iterator<Item = (usize, Vec<usize>)>,
        most: usize,
    ) -> Result<Self, EngineError> {
        let mut last: HashMap<usize, usize> =
            steps.flat_map(|(at, reads)| reads.into_iter().map(move |read| (read, at))).collect();
        last.insert(prediction, usize::MAX);
        let sample = Activation { buffer: 0, positions: stages[0].positions, channels: stages[0].channels };
        let sizes = vec![sample.positions * sample.channels];
        let mut buffers = Self { sizes, free: vec![], placed: HashMap::from([(0, 0)]), last, sample, most };
        for &at in inputs {
            buffers.allocate(&stages[at], at)?;
        }
        Ok(buffers)
    }

    pub fn sample(&self) -> Activation {
        self.sample
    }

    /// What a step reads and where it writes. Buffers that no later step reads are free afterwards.
    #[allow(clippy::type_complexity, reason = "the three kinds of activations of a layer")]
    pub fn place(
        &mut self,
        stages: &[Stage],
        at: usize,
        inputs: &[usize],
        residual: Option<usize>,
    ) -> Result<(Vec<Activation>, Option<Activation>, Activation), EngineError> {
        self.allocate(&stages[at], at)?;
        let read = (inputs.iter().map(|&input| self.at(stages, input)).collect(), residual.map(|r| self.at(stages, r)));
        for &stage in inputs.iter().chain(&residual) {
            if self.last.get(&stage) == Some(&at) {
                self.last.remove(&stage);
                self.free.extend(self.placed.get(&stage));
            }
        }
        Ok((read.0, read.1, self.at(stages, at)))
    }

    /// Finds a buffer for a stage.
    fn allocate(&mut self, stage: &Stage, at: usize) -> Result<(), EngineError> {
        let buffer = self.take_buffer(stage.positions * stage.channels);
        if self.sizes.iter().sum::<usize>() > self.most {
            return Err(stage.refused("needs more memory than a network would"));
        }
        self.placed.insert(at, buffer);
        Ok(())
    }

    pub fn at(&self, stages: &[Stage], stage: usize) -> Activation {
        let buffer = self.placed.get(&stage).copied().unwrap_or_default();
        Activation { buffer, positions: stages[stage].positions, channels: stages[stage].channels }
    }

    pub fn sizes(self) -> Vec<usize> {
        self.sizes
    }

    /// The free buffer whose size is nearest, enlarged if necessary; or a new one.
    fn take_buffer(&mut self, size: usize) -> usize {
        let sizes = &mut self.sizes;
        match (0..self.free.len()).min_by_key(|&index| sizes[self.free[index]].abs_diff(size)) {
            Some(index) => {
                let buffer = self.free.swap_remove(index);
                sizes[buffer] = sizes[buffer].max(size);
                buffer
            }
            None => {
                sizes.push(size);
                sizes.len() - 1
            }
        }
    }
}
