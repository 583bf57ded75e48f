//! A network, prepared for one kernel and run by a thread pool.

mod barriers;
mod packing;
mod prepared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, Instant};

use self::prepared::PreparedNetwork;
use super::dispatch_table::DispatchTable;
use crate::network::{Layers, Step};
use crate::thread_pool::ThreadPool;
use crate::{EngineError, Threads, Work};

/// A network that can be run: weights packed for a kernel, memory for the largest batch, and a thread pool.
///
/// The result of a row does not depend on the other rows of the batch, nor on the number of threads. It depends on the size
/// of the batch in one way: in f32, convolutions are plain sums for a single row and minimal filtering for more rows, which
/// differ by rounding.
pub struct Program {
    pool: ThreadPool<PreparedNetwork>,
}

/// With more bytes of weights than these, they are read from memory for every evaluation, whatever the caches.
const STREAMED: usize = 64 << 20;

/// Bytes of the weights, as they are in the file.
fn bytes(layers: &Layers) -> usize {
    let weights = |step: &Step| if let Step::Layer(layer) = step { layer.convolution.weights.len() } else { 0 };
    size_of::<f32>() * layers.steps.iter().map(weights).sum::<usize>()
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("threads", &self.pool.threads()).finish_non_exhaustive()
    }
}

impl Program {
    /// Prepares `layers`, which are freed as they are packed, for a table of instructions that the processor has. The kernel is not verified.
    pub(super) fn unverified(
        layers: Layers,
        table: &'static DispatchTable,
        threads: impl Into<Threads>,
    ) -> Result<Self, EngineError> {
        let streamed = bytes(&layers) > STREAMED;
        Self::of_size(layers, table, threads, streamed)
    }

    /// The same, whatever the size of the network.
    fn of_size(
        layers: Layers,
        table: &'static DispatchTable,
        threads: impl Into<Threads>,
        streamed: bool,
    ) -> Result<Self, EngineError> {
        let threads = threads.into();
        Ok(Self { pool: ThreadPool::new(PreparedNetwork::new(layers, table, threads.count, streamed), threads)? })
    }

    /// Lets `fill` write what the next [`run`](Self::run) of `batch` rows reads: the sample, `[batch, horizon, action]`, and
    /// the FiLM parameters with the conditioning tokens, `[batch, film_channels]`. Memory grows to the largest batch.
    ///
    /// # Panics
    /// If the batch has no rows.
    pub fn load(&mut self, batch: usize, fill: impl FnOnce(&mut [f32], &mut [f32])) {
        assert!(batch > 0, "a batch has rows");
        self.pool.job().load(batch, self.pool.threads(), fill);
    }

    /// Whether the threads are in the process that this one was forked from: it would wait for them for ever.
    pub(crate) fn is_forked(&self) -> bool {
        self.pool.is_forked()
    }

    /// Evaluates the network on what was loaded, and writes the prediction, `[batch, horizon, action]`.
    ///
    /// # Panics
    /// If nothing was loaded, or `prediction` has another length.
    pub fn run(&mut self, prediction: &mut [f32]) {
        self.pool.run();
        self.pool.job().copy_prediction(self.pool.threads(), prediction);
    }

    /// Evaluates the network on what was loaded, and returns how long the calling thread took for each step, with the wait
    /// for other threads before it.
    ///
    /// # Panics
    /// If nothing was loaded.
    pub fn time(&mut self) -> Vec<Duration> {
        let marks = Vec::<Instant>::with_capacity(self.pool.job().steps() + 1);
        self.pool.job().replace_marks(Some(marks));
        self.pool.run();
        let marks = self.pool.job().replace_marks(None).unwrap_or_default();
        marks.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The work of each step for a batch, as it is computed.
    pub fn work(&self, batch: usize) -> Vec<Work> {
        self.pool.job().work_of_steps(batch)
    }
}
