//! What follows a convolution, while its sums are near: normalisation, a nonlinearity, modulation, residual.

#![allow(unsafe_code, reason = "registers over columns that only this member of the team writes")]

use super::gelu::gelu;
use super::mish::mish;
use super::simd::Simd;
use crate::network::Nonlinearity;

/// Turns a unit's sums into the layer's output: `residual + film(activate(normalise(sums)))`.
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
    pub nonlinearity: Option<Nonlinearity>,
    pub film_scale: Option<Rows<'a>>,
    pub film_bias: Option<Rows<'a>>,
    pub residual: Option<Rows<'a>>,
    /// The first row's first channel; nobody else touches this unit's channels of any row.
    pub output: *mut f32,
    /// From one row of the output to the next.
    pub stride: usize,
    /// Room for four numbers a channel and batch row.
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
    pub fn fit(&self, rows: usize, channels: usize) -> bool {
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
            && self.scratch.len() >= 4 * channels * self.batch
            && norm
            && film.into_iter().all(|film| film.fit(self.batch, channels))
            && self.residual.is_none_or(|residual| residual.fit(self.positions * self.batch, channels))
    }
}

/// # Safety
/// `finish.fits(S::LANES)`, and its output's columns can be written in all `positions * batch` rows.
#[inline(always)]
pub(super) unsafe fn finish<S: Simd>(simd: S, finish: &mut Finish<'_>) {
    if let Some(norm) = finish.norm {
        if norm.group.is_multiple_of(S::LANES) || norm.group < S::LANES && norm.group.is_power_of_two() {
            // SAFETY: the caller's.
            unsafe { normalise(simd, finish, norm) };
        } else {
            normalise_any(finish, norm, S::LANES);
        }
    }
    // SAFETY: the caller's.
    unsafe {
        gather_film(simd, finish);
        write(simd, finish);
    }
}

/// The parts of the scratch, `[column, batch, lane]` each.
#[derive(Clone, Copy)]
enum Part {
    /// Of `scale * x + shift`, which normalises.
    Scale,
    Shift,
    FilmScale,
    FilmBias,
}

impl Finish<'_> {
    /// Where a column's and batch row's numbers are in the scratch.
    fn at(&self, part: Part, column: usize, row: usize, lanes: usize) -> usize {
        ((part as usize * self.columns + column) * self.batch + row) * lanes
    }

    /// Where they are in the sums.
    fn sum(&self, column: usize, position: usize, row: usize, lanes: usize) -> usize {
        ((column * self.positions + position) * self.batch + row) * lanes
    }
}

/// Scale and shift of each channel and batch row, for groups of whole registers, or of which a register holds some.
///
/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn normalise<S: Simd>(simd: S, finish: &mut Finish<'_>, norm: Norm<'_>) {
    let columns = (norm.group / S::LANES).max(1);
    let fraction = simd.splat(1.0 / (norm.group * finish.positions) as f32);
    let epsilon = simd.splat(norm.epsilon);
    let (sums, scratch) = (finish.sums.as_ptr(), finish.scratch.as_mut_ptr());
    for first in (0..norm.channels.div_ceil(S::LANES)).step_by(columns) {
        let group = first..first + columns;
        for row in 0..finish.batch {
            let mut sum = simd.splat(0.0);
            for column in group.clone() {
                for position in 0..finish.positions {
                    // SAFETY: `sums` has a register for each column, position and batch row.
                    sum = simd.add(sum, unsafe { simd.load(sums.add(finish.sum(column, position, row, S::LANES))) });
                }
            }
            let mean = simd.mul(spread(simd, sum, norm.group), fraction);
            let mut sum = simd.splat(0.0);
            for column in group.clone() {
                for position in 0..finish.positions {
                    // SAFETY: as above.
                    let x = unsafe { simd.load(sums.add(finish.sum(column, position, row, S::LANES))) };
                    let deviation = simd.sub(x, mean);
                    sum = simd.mul_add(deviation, deviation, sum);
                }
            }
            let variance = simd.mul_add(spread(simd, sum, norm.group), fraction, epsilon);
            // The root is small where a group is constant: the scale is what is divided.
            let factor = simd.sqrt(variance);
            for column in group.clone() {
                // SAFETY: scale and bias have a number a channel, the scratch four a channel and batch row.
                unsafe {
                    let scale = simd.div(simd.load(norm.scale.as_ptr().add(column * S::LANES)), factor);
                    let bias = simd.load(norm.bias.as_ptr().add(column * S::LANES));
                    let shift = simd.sub(bias, simd.mul(mean, scale));
                    simd.store(scratch.add(finish.at(Part::Scale, column, row, S::LANES)), scale);
                    simd.store(scratch.add(finish.at(Part::Shift, column, row, S::LANES)), shift);
                }
            }
        }
    }
}

/// In each lane the sum of its group's lanes.
#[inline(always)]
fn spread<S: Simd>(simd: S, mut sum: S::Vector, group: usize) -> S::Vector {
    let lanes = group.min(S::LANES);
    if lanes > 1 {
        sum = simd.add(sum, simd.swap::<1>(sum));
    }
    if lanes > 2 {
        sum = simd.add(sum, simd.swap::<2>(sum));
    }
    if lanes > 4 {
        sum = simd.add(sum, simd.swap::<4>(sum));
    }
    if lanes > 8 {
        sum = simd.add(sum, simd.swap::<8>(sum));
    }
    sum
}

/// The same for groups of any size.
fn normalise_any(finish: &mut Finish<'_>, norm: Norm<'_>, lanes: usize) {
    let count = (norm.group * finish.positions) as f32;
    // Lanes beyond the last channel stay zero.
    finish.scratch[..2 * finish.columns * finish.batch * lanes].fill(0.0);
    for first in (0..norm.channels).step_by(norm.group) {
        for row in 0..finish.batch {
            let group = first..first + norm.group;
            let numbers = || {
                let positions = group.clone().flat_map(|channel| (0..finish.positions).map(move |p| (channel, p)));
                positions.map(|(c, position)| finish.sums[finish.sum(c / lanes, position, row, lanes) + c % lanes])
            };
            let mean = numbers().sum::<f32>() / count;
            let variance = numbers().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
            let factor = 1.0 / (variance + norm.epsilon).sqrt();
            for channel in group {
                let at = |part| finish.at(part, channel / lanes, row, lanes) + channel % lanes;
                let (scale, shift) = (at(Part::Scale), at(Part::Shift));
                finish.scratch[scale] = factor * norm.scale[channel];
                finish.scratch[shift] = norm.bias[channel] - mean * finish.scratch[scale];
            }
        }
    }
}

/// Brings modulations together, which lie far apart in their rows.
///
/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn gather_film<S: Simd>(simd: S, finish: &mut Finish<'_>) {
    let scratch = finish.scratch.as_mut_ptr();
    if finish.film_scale.is_none() && finish.film_bias.is_none() {
        return;
    }
    for (part, film, rest) in [(Part::FilmScale, finish.film_scale, 1.0), (Part::FilmBias, finish.film_bias, 0.0)] {
        for row in 0..finish.batch {
            for column in 0..finish.columns {
                // SAFETY: a film has a row of numbers a channel for each batch row, the scratch four of them.
                unsafe {
                    let number = |film: Rows<'_>| film.data.as_ptr().add(row * film.stride + column * S::LANES);
                    let film = film.map_or(simd.splat(rest), |film| simd.load(number(film)));
                    simd.store(scratch.add(finish.at(part, column, row, S::LANES)), film);
                }
            }
        }
    }
}

/// # Safety
/// As for [`finish`], and the scratch holds what was found out before.
#[inline(always)]
unsafe fn write<S: Simd>(simd: S, finish: &Finish<'_>) {
    let scratch = finish.scratch.as_ptr();
    let modulated = finish.film_scale.is_some() || finish.film_bias.is_some();
    let norm = finish.norm.is_some();
    for column in 0..finish.columns {
        for position in 0..finish.positions {
            for row in 0..finish.batch {
                // SAFETY: the scratch has four registers for each column and batch row, written where they are asked for.
                let part = |part| unsafe { simd.load(scratch.add(finish.at(part, column, row, S::LANES))) };
                let here = position * finish.batch + row;
                // SAFETY: `sums` has a register for each column, position and batch row.
                let mut x = unsafe { simd.load(finish.sums.as_ptr().add(finish.sum(column, position, row, S::LANES))) };
                if norm {
                    x = simd.mul_add(x, part(Part::Scale), part(Part::Shift));
                }
                match finish.nonlinearity {
                    Some(Nonlinearity::Mish) => x = mish(simd, x),
                    Some(Nonlinearity::Gelu) => x = gelu(simd, x),
                    None => {}
                }
                if modulated {
                    x = simd.mul_add(x, part(Part::FilmScale), part(Part::FilmBias));
                }
                if let Some(residual) = finish.residual {
                    // SAFETY: the residual has as many rows and channels as the output.
                    let residual =
                        unsafe { simd.load(residual.data.as_ptr().add(here * residual.stride + column * S::LANES)) };
                    x = simd.add(x, residual);
                }
                // SAFETY: the caller lets this unit's channels be written in every row.
                unsafe { simd.store(finish.output.add(here * finish.stride + column * S::LANES), x) };
            }
        }
    }
}
