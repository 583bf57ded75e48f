//! What follows a convolution, while its sums are near: normalisation, Mish, modulation, residual.

#![allow(unsafe_code, reason = "registers over columns that only this member of the team writes")]

use super::mish::mish;
use super::simd::Simd;

/// Turns a unit's sums into the layer's output: `residual + film(mish(normalise(sums)))`.
///
/// All slices of channels begin at the unit's first one and have a whole number of registers.
pub(super) struct Finish<'a> {
    /// `[column, position, batch, lane]`.
    pub sums: &'a [f32],
    /// Registers of channels.
    pub columns: usize,
    pub positions: usize,
    pub batch: usize,
    pub norm: Option<Norm<'a>>,
    pub mish: bool,
    pub film_scale: Option<Rows<'a>>,
    pub film_bias: Option<Rows<'a>>,
    pub residual: Option<Rows<'a>>,
    /// The first row's first channel; nobody else touches this unit's channels of any row.
    pub output: *mut f32,
    /// From one row of the output to the next.
    pub stride: usize,
    /// Room for two numbers a channel.
    pub scratch: &'a mut [f32],
}

/// Normalisation of a unit's channels.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    /// Channels of a group.
    pub group: usize,
    /// Channels of the unit that are there: a multiple of `group`.
    pub channels: usize,
    pub epsilon: f32,
    pub scale: &'a [f32],
    pub bias: &'a [f32],
}

/// Rows of channels, `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub data: &'a [f32],
    pub stride: usize,
}

impl Rows<'_> {
    fn fit(&self, rows: usize, channels: usize) -> bool {
        (rows - 1) * self.stride + channels <= self.data.len()
    }
}

impl Finish<'_> {
    /// Whether all that is read is there.
    pub fn fits(&self, lanes: usize) -> bool {
        let channels = self.columns * lanes;
        let norm = self.norm.is_none_or(|norm| norm.scale.len().min(norm.bias.len()) >= channels);
        let film = [self.film_scale, self.film_bias].into_iter().flatten();
        self.sums.len() >= self.positions * self.batch * channels
            && self.scratch.len() >= 2 * channels
            && norm
            && film.into_iter().all(|film| film.fit(self.batch, channels))
            && self.residual.is_none_or(|residual| residual.fit(self.positions * self.batch, channels))
    }
}

/// # Safety
/// `finish.fits(S::LANES)`, and its output's columns can be written in all `positions * batch` rows.
#[inline(always)]
pub(super) unsafe fn finish<S: Simd>(simd: S, finish: &mut Finish<'_>) {
    for row in 0..finish.batch {
        if let Some(norm) = finish.norm {
            // SAFETY: the caller's.
            unsafe { normalise(simd, finish, norm, row) };
        }
        for column in 0..finish.columns {
            // SAFETY: the caller's.
            unsafe { write(simd, finish, row, column) };
        }
    }
}

/// Leaves in the scratch what makes `scale * x + shift` the normalisation of each of a batch row's channels.
///
/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn normalise<S: Simd>(simd: S, finish: &mut Finish<'_>, norm: Norm<'_>, row: usize) {
    let channels = finish.columns * S::LANES;
    let count = (norm.group * finish.positions) as f32;
    let scratch = finish.scratch.as_mut_ptr();
    let step = finish.batch * S::LANES;
    for column in 0..finish.columns {
        let mut sum = simd.splat(0.0);
        // SAFETY: `sums` has `positions` rows of each batch row in every column.
        let mut from = unsafe { finish.sums.as_ptr().add((column * finish.positions * finish.batch + row) * S::LANES) };
        for _ in 0..finish.positions {
            // SAFETY: as above.
            sum = simd.add(sum, unsafe { simd.load(from) });
            from = from.wrapping_add(step);
        }
        // SAFETY: the scratch has two numbers a channel.
        unsafe { simd.store(scratch.add(column * S::LANES), sum) };
    }
    spread(&mut finish.scratch[..norm.channels], norm.group, |sum| sum / count);
    let scratch = finish.scratch.as_mut_ptr();
    for column in 0..finish.columns {
        // SAFETY: as above.
        let mean = unsafe { simd.load(scratch.add(column * S::LANES)) };
        let mut sum = simd.splat(0.0);
        // SAFETY: as above.
        let mut from = unsafe { finish.sums.as_ptr().add((column * finish.positions * finish.batch + row) * S::LANES) };
        for _ in 0..finish.positions {
            // SAFETY: as above.
            let deviation = simd.sub(unsafe { simd.load(from) }, mean);
            sum = simd.mul_add(deviation, deviation, sum);
            from = from.wrapping_add(step);
        }
        // SAFETY: as above.
        unsafe { simd.store(scratch.add(channels + column * S::LANES), sum) };
    }
    let deviations = &mut finish.scratch[channels..channels + norm.channels];
    spread(deviations, norm.group, |sum| 1.0 / (sum / count + norm.epsilon).sqrt());
    let scratch = finish.scratch.as_mut_ptr();
    for column in 0..finish.columns {
        let at = column * S::LANES;
        // SAFETY: as above; scale and bias have a number a channel.
        unsafe {
            let scale = simd.mul(simd.load(scratch.add(channels + at)), simd.load(norm.scale.as_ptr().add(at)));
            let shift = simd.sub(simd.load(norm.bias.as_ptr().add(at)), simd.mul(simd.load(scratch.add(at)), scale));
            simd.store(scratch.add(channels + at), scale);
            simd.store(scratch.add(at), shift);
        }
    }
}

/// Gives all channels of a group what `f` makes of their sum.
#[inline(always)]
fn spread(channels: &mut [f32], group: usize, f: impl Fn(f32) -> f32) {
    for group in channels.chunks_exact_mut(group) {
        let mut partial = [0.0; 8];
        for part in group.chunks(8) {
            for (sum, x) in partial.iter_mut().zip(part) {
                *sum += x;
            }
        }
        let [a, b, c, d, e, f_, g, h] = partial;
        group.fill(f(((a + b) + (c + d)) + ((e + f_) + (g + h))));
    }
}

/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn write<S: Simd>(simd: S, finish: &Finish<'_>, row: usize, column: usize) {
    let (channels, at) = (finish.columns * S::LANES, column * S::LANES);
    let channel = |rows: Rows<'_>, row: usize| rows.data.as_ptr().wrapping_add(row * rows.stride + at);
    let scratch = finish.scratch.as_ptr();
    // SAFETY: `normalise` has left two numbers a channel there, the scratch has room for as many.
    let (scale, shift) = unsafe { (simd.load(scratch.add(channels + at)), simd.load(scratch.add(at))) };
    let (one, zero) = (simd.splat(1.0), simd.splat(0.0));
    // SAFETY: films have a row of numbers a channel for each batch row.
    let film_scale = finish.film_scale.map_or(one, |rows| unsafe { simd.load(channel(rows, row)) });
    // SAFETY: as above.
    let film_bias = finish.film_bias.map_or(zero, |rows| unsafe { simd.load(channel(rows, row)) });
    let modulated = finish.film_scale.is_some() || finish.film_bias.is_some();
    for position in 0..finish.positions {
        let here = position * finish.batch + row;
        let from = (column * finish.positions * finish.batch + here) * S::LANES;
        // SAFETY: `sums` has a register a column for each position and batch row.
        let mut x = unsafe { simd.load(finish.sums.as_ptr().add(from)) };
        if finish.norm.is_some() {
            x = simd.mul_add(x, scale, shift);
        }
        if finish.mish {
            x = mish(simd, x);
        }
        if modulated {
            x = simd.mul_add(x, film_scale, film_bias);
        }
        if let Some(residual) = finish.residual {
            // SAFETY: the residual has as many rows and channels as the output.
            x = simd.add(x, unsafe { simd.load(channel(residual, here)) });
        }
        // SAFETY: the caller lets this unit's channels be written in every row.
        unsafe { simd.store(finish.output.add(here * finish.stride + at), x) };
    }
}
