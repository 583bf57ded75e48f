//! The steps of a network as a job of the thread pool, and the memory of a batch.

#![allow(unsafe_code, reason = "threads share the activations: between two barriers a buffer is written or read")]

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::barriers::barriers;
use super::packing;
use crate::Work;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::evaluation::{Evaluation, Workspace};
use crate::kernel::finish::Rows;
use crate::kernel::layout::{ActivationLayout, ArenaLayout, ROW_MULTIPLE};
use crate::kernel::memory::{Aligned, Arena, Region};
use crate::kernel::operation::{Operation, WINOGRAD_BATCH};
use crate::kernel::weights::Room;
use crate::network::{Layers, Step};
use crate::thread_pool::{AWAKE, Job, PoolThread, Share};

/// With so many rows for each thread, threads divide rows instead of channels: each reads all of the weights but nothing
/// that another thread wrote, and there are no barriers. On cores that are far from each other this saves a quarter of the
/// time. Weights that come from memory for each evaluation are read once instead: then threads divide channels.
const ROWS_EACH: usize = 4;

/// Multiply-adds, and bytes of weights, of a thread in a second, about: how long threads wait for each other awake follows
/// from it, and nothing else.
const PRODUCTS: f64 = 50e9;
const BYTES: f64 = 20e9;

/// A network whose steps and weights are prepared for an instruction set.
pub(super) struct PreparedNetwork {
    steps: Vec<PreparedStep>,
    weights: Aligned,
    /// Whether they do not stay in the cache between two evaluations.
    streamed: bool,
    sample: ActivationLayout,
    /// Conditioning tokens, and where in a row of FiLM parameters they begin.
    conditioning_tokens: Vec<(ActivationLayout, usize)>,
    prediction: ActivationLayout,
    film_channels: usize,
    /// Numbers of all activations of a batch row.
    activations: usize,
    /// The most work of a step for one row: products and weights.
    longest: Work,
    memory: RwLock<BatchMemory>,
}

struct PreparedStep {
    operation: Operation,
    needs_barrier: bool,
}

/// What depends on the batch.
#[derive(Default)]
struct BatchMemory {
    batch: usize,
    /// The largest batch for which there is room.
    room: usize,
    sample: Vec<f32>,
    film: Vec<f32>,
    arena: Arena,
    /// One for each thread.
    workspaces: Vec<Mutex<Workspace>>,
    /// When steps began, if that is asked for.
    marks: Mutex<Option<Vec<Instant>>>,
}

impl PreparedNetwork {
    /// Packs the layers' weights, and frees each layer as soon as that is done. If the weights are `streamed`, they do not
    /// stay in the cache between two evaluations.
    pub fn new(layers: Layers, table: &'static DispatchTable, threads: usize, streamed: bool) -> Self {
        let touched = |step: &Step| [step.reads(), vec![step.output()]].concat();
        let tokens = layers.conditioning_tokens.iter().map(|tokens| tokens.activation);
        let all = layers.steps.iter().flat_map(touched).chain(tokens).chain([layers.sample, layers.prediction]);
        let arena = ArenaLayout::new(all);
        let mut room = Room { len: 0, streamed };
        let mut ends = Vec::with_capacity(layers.steps.len());
        let operations = layers.steps.iter().map(|step| {
            let operation = Operation::new(step, &arena, table, &mut room);
            ends.push(room.len);
            operation
        });
        let operations: Vec<_> = operations.collect();
        let barriers = barriers(&layers);
        let mut weights = Aligned::on_large_pages(room.len);
        packing::pack(operations.iter().zip(layers.steps).zip(ends), weights.numbers_mut(), threads);
        let steps = operations.into_iter().zip(barriers);
        let steps = steps.map(|(operation, needs_barrier)| PreparedStep { operation, needs_barrier });
        let steps: Vec<_> = steps.collect();
        let longest = steps.iter().map(|step| step.operation.work(1)).max_by_key(|work| (work.products, work.weights));
        let tokens = layers.conditioning_tokens.iter();
        Self {
            steps,
            weights,
            streamed,
            sample: arena.of(layers.sample),
            conditioning_tokens: tokens.map(|tokens| (arena.of(tokens.activation), tokens.start)).collect(),
            prediction: arena.of(layers.prediction),
            film_channels: layers.film_channels,
            activations: arena.len,
            longest: longest.unwrap_or_default(),
            memory: RwLock::new(BatchMemory::default()),
        }
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The work of each step for a batch.
    pub fn work_of_steps(&self, batch: usize) -> Vec<Work> {
        self.steps.iter().map(|step| step.operation.work(batch)).collect()
    }

    /// Lets `fill` write the sample and the FiLM parameters of a batch.
    pub fn load(&self, batch: usize, threads: usize, fill: impl FnOnce(&mut [f32], &mut [f32])) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        if memory.room < batch {
            *memory = self.memory_for(batch, threads);
        }
        memory.batch = batch;
        let BatchMemory { sample, film, .. } = &mut *memory;
        fill(&mut sample[..batch * self.sample.numbers()], &mut film[..batch * self.film_channels]);
    }

    /// Copies the prediction of the last run out of its rows.
    pub fn copy_prediction(&self, threads: usize, prediction: &mut [f32]) {
        let memory = self.read_memory();
        let batch = memory.batch;
        let ActivationLayout { positions, channels, stride, .. } = self.prediction;
        assert_eq!(prediction.len(), batch * positions * channels, "a prediction is as large as the sample");
        let parts = self.parts(batch, threads);
        let parts = (0..parts).map(|index| Share { index, count: parts }.of(batch));
        let mut plans = prediction.chunks_exact_mut(positions * channels);
        for rows in parts {
            let arena = memory.arena.region(rows.start * self.activations);
            // SAFETY: the thread pool does not run, so no one writes.
            let numbers = unsafe { self.prediction.read(arena, rows.len()) };
            for (row, plan) in plans.by_ref().take(rows.len()).enumerate() {
                for (position, action) in plan.chunks_exact_mut(channels).enumerate() {
                    action.copy_from_slice(&numbers[(position * rows.len() + row) * stride..][..channels]);
                }
            }
        }
    }

    /// Replaces the times at which steps began; they are recorded if there is a list for them.
    pub fn replace_marks(&self, marks: Option<Vec<Instant>>) -> Option<Vec<Instant>> {
        std::mem::replace(&mut *lock(&self.read_memory().marks), marks)
    }

    fn read_memory(&self) -> RwLockReadGuard<'_, BatchMemory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for a batch.
    fn memory_for(&self, batch: usize, threads: usize) -> BatchMemory {
        let workspace = |_| {
            let mut workspace = Workspace::default();
            self.steps.iter().for_each(|step| step.operation.reserve(&mut workspace, batch));
            Mutex::new(workspace)
        };
        BatchMemory {
            batch,
            room: batch,
            sample: vec![0.0; batch * self.sample.numbers()],
            // The register of the last row's last channels may extend beyond them.
            film: vec![0.0; batch * self.film_channels + ROW_MULTIPLE],
            arena: Arena::zeros(batch * self.activations),
            workspaces: (0..threads).map(workspace).collect(),
            marks: Mutex::default(),
        }
    }

    /// Into how many parts the rows of a batch are divided: one for each thread, or a single one that all threads share.
    fn parts(&self, batch: usize, threads: usize) -> usize {
        if batch >= ROWS_EACH * threads && !self.streamed { threads } else { 1 }
    }

    /// Copies the sample and the conditioning tokens of some rows into the arena.
    fn copy_inputs(&self, memory: &BatchMemory, rows: &Range<usize>, arena: Region<'_>) {
        copy_rows(self.sample, (&memory.sample, self.sample.numbers()), rows.clone(), arena);
        for &(tokens, start) in &self.conditioning_tokens {
            copy_rows(tokens, (&memory.film[start..], self.film_channels), rows.clone(), arena);
        }
    }
}

impl Job for PreparedNetwork {
    /// Half of what a thread's share of the longest step takes, about.
    fn patience(&self, threads: usize) -> Duration {
        let Work { products, weights, .. } = self.longest;
        let seconds = (products * self.read_memory().batch) as f64 / PRODUCTS + weights as f64 / BYTES;
        AWAKE.max(Duration::from_secs_f64(seconds / (2 * threads.max(1)) as f64))
    }

    fn work(&self, thread: &PoolThread<'_>) {
        let memory = self.read_memory();
        let batch = memory.batch;
        assert!(batch > 0, "a sample is loaded before it is run");
        let mut workspace = lock(&memory.workspaces[thread.share.index]);
        let (part, share) = match self.parts(batch, thread.share.count) {
            1 => (Share::ALL, thread.share),
            _ => (thread.share, Share::ALL),
        };
        let rows = part.of(batch);
        let arena = memory.arena.region(rows.start * self.activations);
        if share.index == 0 {
            self.copy_inputs(&memory, &rows, arena);
        }
        let evaluation = Evaluation {
            weights: self.weights.numbers(),
            arena,
            batch: rows.len(),
            filtered: batch >= WINOGRAD_BATCH,
            film: Rows { data: &memory.film[rows.start * self.film_channels..], stride: self.film_channels },
        };
        let mut marks = (thread.share.index == 0).then(|| lock(&memory.marks));
        let mut mark = || {
            if let Some(marks) = marks.as_deref_mut().and_then(Option::as_mut) {
                marks.push(Instant::now());
            }
        };
        for (index, step) in self.steps.iter().enumerate() {
            mark();
            if step.needs_barrier && share.count > 1 {
                thread.wait_for_all();
            }
            let next = self.steps[index + 1..].iter().map(|step| &step.operation).find(|next| next.is_layer());
            // SAFETY: a dispatch table exists only if the processor has its instructions. There was a barrier since another
            // step wrote what this one reads or writes, and since another read what this one writes; or else this part of
            // the arena is one thread's alone.
            unsafe { step.operation.run(evaluation, share, next, &mut workspace) };
        }
        mark();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies a sequence for each of some rows into an activation; row `i` of `numbers` begins at `i * row_stride`.
fn copy_rows(
    activation: ActivationLayout,
    (numbers, row_stride): (&[f32], usize),
    rows: Range<usize>,
    arena: Region<'_>,
) {
    let ActivationLayout { positions, channels, stride, .. } = activation;
    let batch = rows.len();
    let to = arena.pointer(activation.start(batch), activation.len(batch));
    for (row, from) in rows.enumerate() {
        let sequence = &numbers[from * row_stride..][..positions * channels];
        for (position, sequence) in sequence.chunks_exact(channels).enumerate() {
            let at = (position * batch + row) * stride;
            // Products of bf16 pairs read whole rows: what an earlier batch left after the channels may be NaN.
            for channel in 0..stride {
                let number = sequence.get(channel).copied().unwrap_or_default();
                // SAFETY: the activation has such a row; other threads read it only after a barrier.
                unsafe { *to.add(at + channel) = number };
            }
        }
    }
}
