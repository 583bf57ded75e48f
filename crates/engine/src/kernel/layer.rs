//! One layer, as one member of a team works on it.

#![allow(unsafe_code, reason = "members share the activations, and functions are for one instruction set")]

mod convolve;

use std::ops::Range;

use super::finish::{Finish, Norm, Rows};
use super::memory::{Aligned, Region};
use super::place::{Place, Places, ROW};
use super::runs::{self, Run};
use super::table::Table;
use super::tile::Term;
use super::weights::Weights;
use super::winograd::{Scheme, TAPS};
use crate::Work;
use crate::network::{Film, Geometry, GroupNorm, Layer, Nonlinearity};
use crate::team::Share;

/// A layer whose weights are packed for an instruction set.
///
/// Its channels are cut into units of whole groups and whole registers. A member takes a share of the units, and no one
/// else touches their channels: so that no sum depends on how many members there are.
pub(super) struct Packed {
    table: &'static Table,
    pub inputs: Vec<Place>,
    pub output: Place,
    pub residual: Option<Place>,
    film: Option<Film>,
    norm: Option<OwnNorm>,
    nonlinearity: Option<Nonlinearity>,
    bias: Vec<f32>,
    /// Registers of a unit's channels.
    unit: usize,
    direct: Weights,
    by_tap: Vec<Run>,
    by_position: Vec<Vec<(usize, usize)>>,
    winograd: Option<(Scheme, Weights)>,
}

/// A normalisation, its numbers in whole registers.
pub(super) struct OwnNorm {
    group: usize,
    epsilon: f32,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl OwnNorm {
    pub fn new(norm: &GroupNorm, channels: usize) -> Self {
        let GroupNorm { groups, epsilon, ref scale, ref bias } = *norm;
        Self { group: channels / groups, epsilon, scale: padded(scale), bias: padded(bias) }
    }

    /// That of `channels` channels, from the channel `first` on.
    pub fn of(&self, first: usize, channels: usize) -> Norm<'_> {
        let Self { group, epsilon, .. } = *self;
        Norm { group, channels, epsilon, scale: &self.scale[first..], bias: &self.bias[first..] }
    }
}

fn padded(numbers: &[f32]) -> Vec<f32> {
    let mut numbers = numbers.to_vec();
    numbers.resize(numbers.len().next_multiple_of(ROW), 0.0);
    numbers
}

/// What a member needs beside the activations.
#[derive(Default)]
pub(super) struct Workspace {
    /// Inputs, transformed or packed.
    operands: Aligned,
    products: Aligned,
    pub sums: Aligned,
    pub scratch: Aligned,
    terms: Vec<Term>,
}

/// One evaluation.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    /// Of all layers.
    pub weights: &'a [f32],
    /// Where the activations of these rows are.
    pub arena: Region<'a>,
    /// Rows.
    pub batch: usize,
    /// Whether convolutions are filtered, where they can be.
    pub filtered: bool,
    /// Modulation, `batch` rows.
    pub film: Rows<'a>,
}

/// From this batch on a convolution of five taps is done by [`winograd`](super::winograd). A single row takes as long as
/// its weights take to be read, and there are more of them then; two rows were faster already (1.4 times, three 1.8 times;
/// the shipped network in f32 on two cores of an AMD EPYC Zen 4).
pub(super) const WINOGRAD_BATCH: usize = 2;

/// The weights that a member reads of a layer, from its first column to its last.
struct Stream<'a> {
    /// Of all layers.
    numbers: &'a [f32],
    weights: &'a Weights,
    /// The column after the last.
    end: usize,
    /// Where those begin that it reads after that.
    next: usize,
}

/// How far ahead of their use weights are brought near: what a core reads in the time that memory takes, several times
/// over.
const AHEAD: usize = 16 << 10;

impl Stream<'_> {
    /// What will be read some time after the number at `at`.
    fn ahead(&self, at: usize) -> *const f32 {
        let (end, ahead) = (self.weights.column(self.end), at + AHEAD);
        self.numbers.as_ptr().wrapping_add(if ahead < end { ahead } else { self.next + (ahead - end).min(AHEAD) })
    }
}

/// Columns by pairs, of which a first or last one may be alone.
fn pairs(columns: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = columns.end;
    (columns.start / 2..end.div_ceil(2)).map(move |pair| (2 * pair).max(columns.start)..end.min(2 * pair + 2))
}

impl Packed {
    pub fn new(layer: &Layer, places: &Places, table: &'static Table, pool: &mut Vec<f32>) -> Self {
        let convolution = &layer.convolution;
        let inputs: Vec<_> = layer.inputs.iter().map(|&input| places.of(input)).collect();
        let output = places.of(layer.output);
        let channels: Vec<_> = inputs.iter().map(|input| input.channels).collect();
        let positions = inputs.first().map_or(0, |input| input.positions);
        let same = Geometry { taps: TAPS, stride: 1, padding: TAPS / 2, transposed: false };
        let scheme = Scheme::of(positions).filter(|_| convolution.geometry == same && table.packed == 1);
        let norm = layer.norm.as_ref().map(|norm| OwnNorm::new(norm, output.channels));
        Self {
            table,
            residual: layer.residual.map(|residual| places.of(residual)),
            film: layer.film,
            nonlinearity: layer.nonlinearity,
            bias: padded(&convolution.bias),
            unit: lcm(norm.as_ref().map_or(1, |norm| norm.group), table.lanes) / table.lanes,
            norm,
            direct: Weights::direct(convolution, &channels, table, pool),
            by_tap: runs::by_tap(convolution.geometry, positions, output.positions),
            by_position: runs::by_position(convolution.geometry, positions, output.positions),
            winograd: scheme.map(|scheme| (scheme, Weights::winograd(convolution, &channels, scheme, table, pool))),
            inputs,
            output,
        }
    }

    /// Makes a workspace large enough for this layer too.
    pub fn reserve(&self, workspace: &mut Workspace, batch: usize) {
        let rows = self.output.positions * batch;
        let widths: usize = self.inputs.iter().map(|input| input.len(batch)).sum();
        let chunk = self.chunk() * self.table.lanes;
        let spread = self.winograd.as_ref().map_or(1, |(scheme, _)| scheme.points().div_ceil(super::winograd::TILE));
        workspace.operands.reserve(widths * spread + self.slack());
        workspace.products.reserve(rows * chunk * spread);
        workspace.sums.reserve(rows * chunk);
        workspace.scratch.reserve(4 * chunk * batch);
    }

    /// Computes this member's channels of the output. Near the end, weights of the `next` layer are brought near.
    ///
    /// # Safety
    /// As for [`Part::work`](super::part::Part::work).
    pub unsafe fn work(
        &self,
        evaluation: Evaluation<'_>,
        share: Share,
        next: Option<&Self>,
        workspace: &mut Workspace,
    ) {
        let next = next.map_or(0, |next| next.first_weight(evaluation.filtered, share));
        let Evaluation { arena, batch, filtered, .. } = evaluation;
        let mine = self.columns(share);
        if mine.is_empty() {
            return;
        }
        // SAFETY: the caller says that nobody writes the inputs.
        let inputs = self.inputs.iter().map(|input| unsafe { input.read(arena, batch) });
        let winograd = self.winograd(filtered);
        self.prepare(inputs.clone(), winograd, batch, &mut workspace.operands);
        // SAFETY: the instruction set is there, as the caller says.
        unsafe { (self.table.begin)() };
        let end = mine.end;
        let stream = |weights| Stream { numbers: evaluation.weights, weights, end, next };
        for first in mine.clone().step_by(self.chunk()) {
            let chunk = first..mine.end.min(first + self.chunk());
            match winograd {
                Some((scheme, weights)) => self.filter(*scheme, &stream(weights), batch, chunk.clone(), workspace),
                None => self.convolve(inputs.clone(), &stream(&self.direct), batch, chunk.clone(), workspace),
            }
            // SAFETY: the caller's.
            unsafe { self.finish(evaluation, chunk, workspace) };
        }
        // SAFETY: as above.
        unsafe { (self.table.end)() };
    }

    pub fn amount(&self, batch: usize) -> Work {
        let outputs = self.output.channels;
        let inputs: usize = self.inputs.iter().map(|input| input.channels).sum();
        let (weights, rows) = match self.winograd(batch >= WINOGRAD_BATCH) {
            Some((scheme, weights)) => (weights, scheme.points() * scheme.tiles()),
            None => (&self.direct, self.by_position.iter().map(Vec::len).sum()),
        };
        let numbers = weights.column(self.output.stride / self.table.lanes) - weights.column(0);
        let places = self.inputs.iter().chain([&self.output]).chain(&self.residual);
        let activations: usize = places.map(Place::numbers).sum();
        Work {
            products: inputs * outputs * rows * batch,
            weights: numbers * size_of::<f32>(),
            activations: activations * batch * size_of::<f32>(),
        }
    }

    /// This member's columns.
    fn columns(&self, share: Share) -> Range<usize> {
        let columns = self.output.stride / self.table.lanes;
        let units = share.of(columns.div_ceil(self.unit));
        units.start * self.unit..columns.min(units.end * self.unit)
    }

    fn winograd(&self, filtered: bool) -> Option<&(Scheme, Weights)> {
        self.winograd.as_ref().filter(|_| filtered)
    }

    /// Where the weights begin that this member reads first.
    fn first_weight(&self, filtered: bool, share: Share) -> usize {
        let weights = self.winograd(filtered).map_or(&self.direct, |(_, weights)| weights);
        weights.column(self.columns(share).start)
    }

    /// Columns that are worked on at once: one unit, or several where a unit is a single column.
    fn chunk(&self) -> usize {
        self.unit * 2_usize.div_ceil(self.unit)
    }

    /// Numbers that may be read beyond the last row of inputs.
    fn slack(&self) -> usize {
        let step = self.by_tap.iter().map(|run| run.input_step).max().unwrap_or(1);
        let stride = self.inputs.iter().map(|input| input.stride).max().unwrap_or(0);
        (self.table.rows - 1) * step * stride
    }

    /// # Safety
    /// As for [`Self::work`]; `columns` are this member's.
    unsafe fn finish(&self, evaluation: Evaluation<'_>, columns: Range<usize>, workspace: &mut Workspace) {
        let Evaluation { arena, batch, film, .. } = evaluation;
        let lanes = self.table.lanes;
        let first = columns.start * lanes;
        let channels = (columns.len() * lanes).min(self.output.channels.saturating_sub(first));
        let film = |start: Option<usize>| start.map(|start| Rows { data: &film.data[start + first..], ..film });
        // SAFETY: the caller says that nobody writes the residual.
        let residual = self.residual.map(|place| unsafe { (place.read(arena, batch), place.stride) });
        let mut finish = Finish {
            sums: workspace.sums.numbers(),
            columns: columns.len(),
            positions: self.output.positions,
            batch,
            norm: self.norm.as_ref().map(|norm| norm.of(first, channels)),
            nonlinearity: self.nonlinearity,
            film_scale: film(self.film.and_then(|film| film.scale)),
            film_bias: film(self.film.and_then(|film| film.bias)),
            residual: residual.map(|(data, stride)| Rows { data: &data[first..], stride }),
            output: arena.pointer(self.output.start(batch), self.output.len(batch)).wrapping_add(first),
            stride: self.output.stride,
            scratch: workspace.scratch.numbers_mut(),
        };
        assert!(finish.fits(lanes), "a layer's buffers are as large as its shape");
        // SAFETY: all that is read fits; the columns are this member's, inside rows that are there; the instruction set
        // is, as the caller says.
        unsafe { (self.table.finish)(&mut finish) };
    }
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
