//! One layer: a convolution and what follows it.

mod convolve;
mod filtering;
mod patches;
mod weight_stream;

use std::ops::Range;

use self::filtering::{BLOCK, Filtering};
use self::patches::Patches;
use self::weight_stream::WeightStream;
use crate::Work;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::evaluation::{Evaluation, Workspace};
use crate::kernel::filter::Factors;
use crate::kernel::finish::{Finish, Rows};
use crate::kernel::layout::{ActivationLayout, ArenaLayout};
use crate::kernel::packed_norm::{PackedNorm, padded};
use crate::kernel::runs::{self, Run};
use crate::kernel::weights::{Room, Weights};
use crate::kernel::winograd::{self, Scheme, TAPS};
use crate::network::{Convolution, Film, Geometry, Layer, Nonlinearity};
use crate::thread_pool::Share;

/// A layer whose weights are packed for an instruction set.
///
/// Its channels are divided into units of whole groups and whole registers. A thread takes a share of the units, and no
/// other thread touches their channels. No sum depends on how many threads there are.
pub(in crate::kernel) struct PackedLayer {
    table: &'static DispatchTable,
    inputs: Vec<ActivationLayout>,
    output: ActivationLayout,
    residual: Option<ActivationLayout>,
    film: Option<Film>,
    norm: Option<PackedNorm>,
    nonlinearity: Option<Nonlinearity>,
    bias: Vec<f32>,
    /// Registers of channels in a unit.
    unit: usize,
    direct: Weights,
    by_tap: Vec<Run>,
    by_position: Vec<Vec<(usize, usize)>>,
    filtering: Option<Filtering>,
    patches: Option<Patches>,
    rectified: bool,
}

/// From this batch size on, convolutions of five taps are computed by [`winograd`]. A single row takes as long as reading the
/// weights, of which minimal filtering has more; two rows are faster with it already (1.4 times, three rows 1.8 times: the
/// shipped network in f32 on two cores of an AMD EPYC Zen 4).
pub(in crate::kernel) const WINOGRAD_BATCH: usize = 2;

/// Pairs of columns; the first and the last may be single columns.
fn pairs(columns: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = columns.end;
    (columns.start / 2..end.div_ceil(2)).map(move |pair| (2 * pair).max(columns.start)..end.min(2 * pair + 2))
}

impl PackedLayer {
    /// Finds room for its weights.
    pub fn new(layer: &Layer, arena: &ArenaLayout, table: &'static DispatchTable, room: &mut Room) -> Self {
        let convolution = &layer.convolution;
        let inputs: Vec<_> = layer.inputs.iter().map(|&input| arena.of(input)).collect();
        let output = arena.of(layer.output);
        let channels: Vec<_> = match layer.window {
            Some(_) => vec![convolution.inputs],
            None => inputs.iter().map(|input| input.channels).collect(),
        };
        let positions = inputs.first().map_or(0, |input| input.positions);
        let outputs = if layer.window.is_some() { 0 } else { output.positions };
        let same = Geometry { taps: TAPS, stride: 1, padding: TAPS / 2, transposed: false };
        let scheme = Scheme::of(positions).filter(|_| convolution.geometry == same && table.packed == 1);
        let mut place = |slices| Weights::place(convolution.outputs, slices, &channels, table, &mut room.len);
        let direct = place(convolution.geometry.taps);
        let filtering = scheme.map(|scheme| match room.streamed {
            true => Filtering::Computed(Factors::new(scheme)),
            false => Filtering::Packed(scheme, place(scheme.points())),
        });
        let norm = layer.norm.as_ref().map(|norm| PackedNorm::new(norm, output.channels));
        Self {
            table,
            residual: layer.residual.map(|residual| arena.of(residual)),
            film: layer.film,
            nonlinearity: layer.nonlinearity,
            bias: padded(&convolution.bias),
            unit: lcm(norm.as_ref().map_or(1, |norm| norm.group), table.lanes) / table.lanes,
            norm,
            direct,
            by_tap: runs::by_tap(convolution.geometry, positions, outputs),
            by_position: runs::by_position(convolution.geometry, positions, outputs),
            filtering,
            patches: layer.window.map(|window| Patches::new(window, convolution, table.tiles.len())),
            rectified: layer.rectified,
            inputs,
            output,
        }
    }

    /// Packs its weights into its own among those of all layers, which begin at `start`.
    pub fn pack(&self, convolution: &Convolution, own: &mut [f32], start: usize) {
        self.direct.direct(convolution, own, start);
        if let Some(Filtering::Packed(scheme, weights)) = &self.filtering {
            weights.winograd(convolution, *scheme, own, start);
        }
    }

    /// Enlarges a workspace to what this layer needs.
    pub fn reserve(&self, workspace: &mut Workspace, batch: usize) {
        let rows = self.output.positions * batch;
        if let Some(patches) = &self.patches {
            patches.reserve(workspace, self.table.rows);
            workspace.sums.reserve(rows * self.output.width);
            workspace.scratch.reserve(4 * self.chunk() * self.table.lanes * batch);
            return;
        }
        let widths: usize = self.inputs.iter().map(|input| input.len(batch)).sum();
        let chunk = self.chunk() * self.table.lanes;
        let points = self.filtering.as_ref().map(|filtering| filtering.scheme().points());
        let spread = points.map_or(1, |points| points.div_ceil(winograd::TILE));
        if let Some(Filtering::Computed(_)) = self.filtering {
            workspace.filters.reserve(points.unwrap_or(0) * BLOCK * 2 * self.table.lanes);
        }
        workspace.operands.reserve(widths * spread + self.slack());
        workspace.products.reserve(rows * chunk * spread);
        workspace.sums.reserve(rows * chunk);
        workspace.scratch.reserve(4 * chunk * batch);
    }

    /// Computes this thread's channels of the output. Near the end, weights of the `next` layer are prefetched.
    ///
    /// # Safety
    /// As for [`Operation::run`](super::Operation::run).
    pub unsafe fn run(&self, evaluation: Evaluation<'_>, share: Share, next: Option<&Self>, workspace: &mut Workspace) {
        let next = next.map_or(0, |next| next.first_weight(evaluation.filtered, share));
        let Evaluation { arena, batch, filtered, .. } = evaluation;
        let mine = self.columns(share);
        if mine.is_empty() {
            return;
        }
        // SAFETY: the caller says that no one writes the inputs.
        let inputs = self.inputs.iter().map(|input| unsafe { input.read(arena, batch) });
        let filtering = self.filtering(filtered);
        if self.patches.is_none() {
            self.prepare(inputs.clone(), filtering.map(Filtering::scheme), batch, &mut workspace.operands);
        }
        // SAFETY: the instruction set is there, as the caller says.
        unsafe { (self.table.begin)() };
        let end = mine.end;
        let stream = WeightStream { numbers: evaluation.weights, weights: self.weights(filtered), end, next };
        if let (Some(patches), Some(input)) = (&self.patches, inputs.clone().next()) {
            self.by_patches(patches, input, &stream, batch, mine.clone(), workspace);
        }
        for first in mine.clone().step_by(self.chunk()) {
            let chunk = first..mine.end.min(first + self.chunk());
            let mut sums = 0;
            match (&self.patches, filtering) {
                (Some(_), _) => sums = (first - mine.start) * self.output.positions * batch * self.table.lanes,
                (None, Some(filtering)) => self.filter(filtering, &stream, batch, chunk.clone(), workspace),
                (None, None) => self.convolve(inputs.clone(), &stream, batch, chunk.clone(), workspace),
            }
            // SAFETY: the caller's.
            unsafe { self.finish(evaluation, chunk, sums, workspace) };
        }
        // SAFETY: as above.
        unsafe { (self.table.end)() };
    }

    pub fn work(&self, batch: usize) -> Work {
        let outputs = self.output.channels;
        let inputs: usize = self.direct.sources.iter().map(|source| source.channels).sum();
        let filtered = batch >= WINOGRAD_BATCH;
        let weights = self.weights(filtered);
        let rows = match self.filtering(filtered).map(Filtering::scheme) {
            Some(scheme) => scheme.points() * scheme.tiles(),
            None if self.patches.is_some() => self.output.positions,
            None => self.by_position.iter().map(Vec::len).sum(),
        };
        let numbers = weights.column(self.output.width / self.table.lanes) - weights.column(0);
        let layouts = self.inputs.iter().chain([&self.output]).chain(&self.residual);
        let activations: usize = layouts.map(ActivationLayout::numbers).sum();
        Work {
            products: inputs * outputs * rows * batch,
            weights: numbers * size_of::<f32>(),
            activations: activations * batch * size_of::<f32>(),
        }
    }

    /// This thread's columns: registers of channels.
    fn columns(&self, share: Share) -> Range<usize> {
        let columns = self.output.width / self.table.lanes;
        let units = share.of(columns.div_ceil(self.unit));
        units.start * self.unit..columns.min(units.end * self.unit)
    }

    fn filtering(&self, filtered: bool) -> Option<&Filtering> {
        self.filtering.as_ref().filter(|_| filtered)
    }

    /// The weights that are read.
    fn weights(&self, filtered: bool) -> &Weights {
        match self.filtering(filtered) {
            Some(Filtering::Packed(_, weights)) => weights,
            _ => &self.direct,
        }
    }

    /// Where the weights begin that this thread reads first.
    fn first_weight(&self, filtered: bool, share: Share) -> usize {
        self.weights(filtered).column(self.columns(share).start)
    }

    /// Columns that are computed at once: one unit, or two if a unit is a single column.
    fn chunk(&self) -> usize {
        self.unit * 2_usize.div_ceil(self.unit)
    }

    /// Numbers that may be read beyond the last row of inputs.
    fn slack(&self) -> usize {
        let step = self.by_tap.iter().map(|run| run.input_step).max().unwrap_or(1);
        let stride = self.inputs.iter().map(|input| input.stride).max().unwrap_or(0);
        (self.table.rows - 1) * step * stride
    }

    /// What follows the sums, which begin at `sums` in the workspace.
    ///
    /// # Safety
    /// As for [`Self::run`]; `columns` are this thread's.
    unsafe fn finish(&self, evaluation: Evaluation<'_>, columns: Range<usize>, sums: usize, workspace: &mut Workspace) {
        let Evaluation { arena, batch, film, .. } = evaluation;
        let lanes = self.table.lanes;
        let first = columns.start * lanes;
        let channels = (columns.len() * lanes).min(self.output.channels.saturating_sub(first));
        let film = |start: Option<usize>| start.map(|start| Rows { data: &film.data[start + first..], ..film });
        // SAFETY: the caller says that no one writes the residual.
        let residual = self.residual.map(|layout| unsafe { (layout.read(arena, batch), layout.stride) });
        let mut finish = Finish {
            sums: &workspace.sums.numbers()[sums..],
            columns: columns.len(),
            positions: self.output.positions,
            batch,
            norm: self.norm.as_ref().map(|norm| norm.of(first, channels)),
            nonlinearity: self.nonlinearity,
            film_scale: film(self.film.and_then(|film| film.scale)),
            film_bias: film(self.film.and_then(|film| film.bias)),
            residual: residual.map(|(data, stride)| Rows { data: &data[first..], stride }),
            rectified: self.rectified,
            output: arena.pointer(self.output.start(batch), self.output.len(batch)).wrapping_add(first),
            stride: self.output.stride,
            scratch: workspace.scratch.numbers_mut(),
        };
        assert!(finish.fits(lanes), "a layer's buffers are as large as its shape");
        // SAFETY: it fits; the columns are this thread's, in rows that are there; the caller says that the instruction set is
        // there too.
        unsafe { (self.table.finish)(&mut finish) };
    }
}

/// The least common multiple.
fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
