//! A whole network, packed for one kernel and run by a team.

#![allow(unsafe_code, reason = "members share the activations: between two meetings a buffer is written or read")]

use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::Kernel;
use super::finish::Rows;
use super::layer::{Evaluation, WINOGRAD_BATCH, Workspace};
use super::memory::{Aligned, Arena, Region};
use super::part::Part;
use super::place::{Place, Places, ROW};
use super::table::Table;
use super::verify::verify;
use crate::network::{Layers, Step};
use crate::team::{Job, Member, Share, Team};
use crate::{EngineError, Threads, Work};

/// A network that runs: weights packed for a kernel, memory for the largest batch, and a team.
///
/// What a row of a batch comes to does not depend on the other rows, nor on how many threads there are. It depends on the
/// batch's size only in that convolutions in f32 are plain sums for a single row and minimal filtering for more, which
/// differ by rounding.
pub struct Program {
    team: Team<Network>,
}

/// With so many rows for each member, members share rows instead of channels: each reads all of the weights, but none what
/// another wrote, and they need not meet. On cores that are far from each other that takes a quarter off the time.
const ROWS_EACH: usize = 4;

struct Network {
    steps: Vec<Turn>,
    weights: Aligned,
    sample: Place,
    /// Tokens that are given, and where in a row of the modulation they begin.
    given: Vec<(Place, usize)>,
    prediction: Place,
    film_channels: usize,
    /// Numbers of all activations of a batch row.
    activations: usize,
    memory: RwLock<Memory>,
}

struct Turn {
    part: Part,
    /// Whether it reads or writes what steps since the last meeting write or read.
    meet: bool,
}

/// What depends on the batch.
#[derive(Default)]
struct Memory {
    batch: usize,
    /// The largest batch there is room for.
    room: usize,
    sample: Vec<f32>,
    film: Vec<f32>,
    arena: Arena,
    /// One a member.
    workspaces: Vec<Mutex<Workspace>>,
    /// When steps began, where somebody asks for it.
    marks: Mutex<Option<Vec<Instant>>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("threads", &self.team.members()).finish_non_exhaustive()
    }
}

impl Program {
    /// Packs `layers` for `kernel`, and starts all `threads` but one beside the calling one.
    ///
    /// # Errors
    /// Where the processor does not have the kernel or gets it wrong, or the system has no more threads or cannot keep
    /// them on cores of their own.
    pub fn new(layers: &Layers, kernel: Kernel, threads: impl Into<Threads>) -> Result<Self, EngineError> {
        let table = kernel.table().ok_or(EngineError::Kernel(kernel))?;
        if !verify(table)? {
            return Err(EngineError::Wrong(kernel));
        }
        Self::packed(layers, table, threads)
    }

    /// For a table of instructions that the processor has.
    pub(super) fn packed(
        layers: &Layers,
        table: &'static Table,
        threads: impl Into<Threads>,
    ) -> Result<Self, EngineError> {
        let touched = |step: &Step| [step.reads(), vec![step.output()]].concat();
        let given = layers.given.iter().map(|given| given.activation);
        let all = layers.steps.iter().flat_map(touched).chain(given).chain([layers.sample, layers.prediction]);
        let places = Places::new(all);
        let mut pool = Vec::new();
        let steps = layers.steps.iter().zip(meetings(layers));
        let steps = steps.map(|(step, meet)| Turn { part: Part::new(step, &places, table, &mut pool), meet });
        let network = Network {
            steps: steps.collect(),
            weights: Aligned::on_large_pages(&pool),
            sample: places.of(layers.sample),
            given: layers.given.iter().map(|given| (places.of(given.activation), given.start)).collect(),
            prediction: places.of(layers.prediction),
            film_channels: layers.film_channels,
            activations: places.len,
            memory: RwLock::new(Memory::default()),
        };
        Ok(Self { team: Team::new(network, threads.into())? })
    }

    /// Lets `fill` write what the next [`run`](Self::run) of `batch` rows reads: the sample, `[batch, horizon, action]`,
    /// and the modulation, `[batch, film_channels]`, with the tokens that are given. Memory grows to the largest batch there was.
    ///
    /// # Panics
    /// For a batch of none.
    pub fn load(&mut self, batch: usize, fill: impl FnOnce(&mut [f32], &mut [f32])) {
        assert!(batch > 0, "a batch has rows");
        let network = self.team.job();
        let mut memory = network.memory.write().unwrap_or_else(PoisonError::into_inner);
        if memory.room < batch {
            *memory = network.memory(batch, self.team.members());
        }
        memory.batch = batch;
        let Memory { sample, film, .. } = &mut *memory;
        let numbers = batch * network.sample.positions * network.sample.channels;
        fill(&mut sample[..numbers], &mut film[..batch * network.film_channels]);
    }

    /// Evaluates the network on what was loaded, and writes the prediction, `[batch, horizon, action]`.
    ///
    /// # Panics
    /// Where nothing was loaded, or `prediction` has another length.
    pub fn run(&mut self, prediction: &mut [f32]) {
        self.team.run();
        self.leave(prediction);
    }

    /// Evaluates the network on what was loaded, and says how long the calling thread took for each step, with the
    /// waiting for others before it.
    ///
    /// # Panics
    /// Where nothing was loaded.
    pub fn time(&mut self) -> Vec<Duration> {
        let marks = |team: &Team<Network>, marks| {
            let memory = team.job().memory.read().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *memory.marks.lock().unwrap_or_else(PoisonError::into_inner), marks)
        };
        marks(&self.team, Some(Vec::with_capacity(self.team.job().steps.len() + 1)));
        self.team.run();
        let marks = marks(&self.team, None).unwrap_or_default();
        marks.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// What each step has to do for a batch, as it is computed.
    pub fn work(&self, batch: usize) -> Vec<Work> {
        self.team.job().steps.iter().map(|step| step.part.amount(batch)).collect()
    }

    /// Copies what the network says out of its rows.
    fn leave(&self, prediction: &mut [f32]) {
        let network = self.team.job();
        let memory = network.memory.read().unwrap_or_else(PoisonError::into_inner);
        let batch = memory.batch;
        let Place { positions, channels, stride, .. } = network.prediction;
        assert_eq!(prediction.len(), batch * positions * channels, "a prediction is as large as the sample");
        let parts = network.parts(batch, self.team.members());
        let parts = (0..parts).map(|index| Share { index, count: parts }.of(batch));
        let mut plans = prediction.chunks_exact_mut(positions * channels);
        for rows in parts {
            let arena = memory.arena.region(rows.start * network.activations);
            // SAFETY: the team has come back, so nobody writes.
            let numbers = unsafe { network.prediction.read(arena, rows.len()) };
            for (row, plan) in plans.by_ref().take(rows.len()).enumerate() {
                for (position, action) in plan.chunks_exact_mut(channels).enumerate() {
                    action.copy_from_slice(&numbers[(position * rows.len() + row) * stride..][..channels]);
                }
            }
        }
    }
}

/// Before which steps members must meet: those that touch a buffer which another since the last meeting wrote, or write
/// one which another read.
fn meetings(layers: &Layers) -> Vec<bool> {
    let given = layers.given.iter().map(|given| given.activation);
    let mut written: Vec<_> = given.chain([layers.sample]).map(|activation| activation.buffer).collect();
    let mut read = Vec::new();
    let meets = |step: &Step| {
        let reads: Vec<_> = step.reads().into_iter().map(|activation| activation.buffer).collect();
        let output = step.output().buffer;
        let meet =
            reads.iter().any(|buffer| written.contains(buffer)) || written.contains(&output) || read.contains(&output);
        if meet {
            written.clear();
            read.clear();
        }
        written.push(output);
        read.extend(reads);
        meet
    };
    layers.steps.iter().map(meets).collect()
}

impl Job for Network {
    fn work(&self, member: &Member<'_>) {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let batch = memory.batch;
        assert!(batch > 0, "a sample is loaded before it is run");
        let mut workspace = memory.workspaces[member.share.index].lock().unwrap_or_else(PoisonError::into_inner);
        let (part, share) = match self.parts(batch, member.share.count) {
            1 => (Share::ALL, member.share),
            _ => (member.share, Share::ALL),
        };
        let rows = part.of(batch);
        let arena = memory.arena.region(rows.start * self.activations);
        if share.index == 0 {
            enter(self.sample, (&memory.sample, self.sample.positions * self.sample.channels), rows.clone(), arena);
            for &(place, start) in &self.given {
                enter(place, (&memory.film[start..], self.film_channels), rows.clone(), arena);
            }
        }
        let evaluation = Evaluation {
            weights: self.weights.numbers(),
            arena,
            batch: rows.len(),
            filtered: batch >= WINOGRAD_BATCH,
            film: Rows { data: &memory.film[rows.start * self.film_channels..], stride: self.film_channels },
        };
        let mut marks = (member.share.index == 0).then(|| memory.marks.lock().unwrap_or_else(PoisonError::into_inner));
        let mut mark = || {
            if let Some(marks) = marks.as_deref_mut().and_then(Option::as_mut) {
                marks.push(Instant::now());
            }
        };
        for (index, step) in self.steps.iter().enumerate() {
            mark();
            if step.meet && share.count > 1 {
                member.meet();
            }
            let next = self.steps[index + 1..].iter().find_map(|step| step.part.layer());
            // SAFETY: the kernel's table was there only if the processor has its instructions. Members have met since
            // another step wrote what this one reads or writes, and since another read what this one writes; or else this
            // part of the arena is one member's alone.
            unsafe { step.part.work(evaluation, share, next, &mut workspace) };
        }
        mark();
    }
}

impl Network {
    /// Room for a batch.
    fn memory(&self, batch: usize, members: usize) -> Memory {
        let workspace = |_| {
            let mut workspace = Workspace::default();
            self.steps.iter().for_each(|step| step.part.reserve(&mut workspace, batch));
            Mutex::new(workspace)
        };
        Memory {
            batch,
            room: batch,
            sample: vec![0.0; batch * self.sample.positions * self.sample.channels],
            // A register of the last row's last channels may reach beyond them.
            film: vec![0.0; batch * self.film_channels + ROW],
            arena: Arena::zeros(batch * self.activations),
            workspaces: (0..members).map(workspace).collect(),
            marks: Mutex::default(),
        }
    }

    /// Into how many parts the rows of a batch are cut, for each of which there is a member: or one, on which all work.
    fn parts(&self, batch: usize, members: usize) -> usize {
        if batch >= ROWS_EACH * members { members } else { 1 }
    }
}

/// Writes what is given for each of some rows, `numbers` being so many apart, into its place.
fn enter(place: Place, (numbers, apart): (&[f32], usize), rows: Range<usize>, arena: Region<'_>) {
    let Place { positions, channels, stride, .. } = place;
    let batch = rows.len();
    let to = arena.pointer(place.start(batch), place.len(batch));
    for (row, from) in rows.enumerate() {
        let sequence = &numbers[from * apart..][..positions * channels];
        for (position, sequence) in sequence.chunks_exact(channels).enumerate() {
            let at = (position * batch + row) * stride;
            // Products of pairs read a row whole: what an earlier batch left in it may be no number.
            for channel in 0..stride {
                let number = sequence.get(channel).copied().unwrap_or_default();
                // SAFETY: the place has such a row; others read it only after they have met this member.
                unsafe { *to.add(at + channel) = number };
            }
        }
    }
}
