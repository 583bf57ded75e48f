//! What follows a convolution while its sums are in the cache: normalisation, activation function, FiLM, residual, ReLU.

#![allow(unsafe_code, reason = "registers over columns that only this thread writes")]

use super::across::across;
use super::gelu::{gelu, gelu_tanh};
use super::mish::mish;
use super::simd::Simd;
use crate::network::Nonlinearity;

/// Turns a unit's sums into the layer's output: `rectify(residual + film(activate(normalise(sums))))`.
///
/// All slices of channels begin at the unit's first channel and have a whole number of registers.
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
    pub rectified: bool,
    /// The first row's first channel. No other thread touches this unit's channels of any row.
    pub output: *mut f32,
    /// From one row of the output to the next.
    pub stride: usize,
    /// Room for four numbers for each channel and batch row.
    pub scratch: &'a mut [f32],
}

/// The normalisation of a unit's channels.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    /// Channels in a group.
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
    /// Whether all slices are long enough.
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

/// The four sections of the scratch, `[column, batch, lane]` each.
#[derive(Clone, Copy)]
enum Section {
    /// The scale of `scale * x + shift`, which normalises.
    Scale,
    /// The shift of it.
    Shift,
    FilmScale,
    FilmBias,
}

impl Finish<'_> {
    /// Where the numbers of a column and batch row are in the scratch.
    fn at(&self, section: Section, column: usize, row: usize, lanes: usize) -> usize {
        ((section as usize * self.columns + column) * self.batch + row) * lanes
    }

    /// Where they are in the sums.
    fn sum(&self, column: usize, position: usize, row: usize, lanes: usize) -> usize {
        ((column * self.positions + position) * self.batch + row) * lanes
    }
}

/// Scale and shift of each channel and batch row, if a group is whole registers or a register is whole groups.
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
            let mean = simd.mul(across(simd, sum, norm.group.min(S::LANES), |a, b| simd.add(a, b)), fraction);
            let mut sum = simd.splat(0.0);
            for column in group.clone() {
                for position in 0..finish.positions {
                    // SAFETY: as above.
                    let x = unsafe { simd.load(sums.add(finish.sum(column, position, row, S::LANES))) };
                    let deviation = simd.sub(x, mean);
                    sum = simd.mul_add(deviation, deviation, sum);
                }
            }
            let variance =
                simd.mul_add(across(simd, sum, norm.group.min(S::LANES), |a, b| simd.add(a, b)), fraction, epsilon);
            // If a group is nearly constant the root is small: dividing the scale by it loses the least.
            let factor = simd.sqrt(variance);
            for column in group.clone() {
                // SAFETY: scale and bias have a number for each channel, the scratch four for each channel and batch row.
                unsafe {
                    let scale = simd.div(simd.load(norm.scale.as_ptr().add(column * S::LANES)), factor);
                    let bias = simd.load(norm.bias.as_ptr().add(column * S::LANES));
                    let shift = simd.sub(bias, simd.mul(mean, scale));
                    simd.store(scratch.add(finish.at(Section::Scale, column, row, S::LANES)), scale);
                    simd.store(scratch.add(finish.at(Section::Shift, column, row, S::LANES)), shift);
                }
            }
        }
    }
}

/// Scale and shift of each channel and batch row, for groups of any size.
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
                let at = |section| finish.at(section, channel / lanes, row, lanes) + channel % lanes;
                let (scale, shift) = (at(Section::Scale), at(Section::Shift));
                finish.scratch[scale] = factor * norm.scale[channel];
                finish.scratch[shift] = norm.bias[channel] - mean * finish.scratch[scale];
            }
        }
    }
}

/// Copies FiLM parameters, which are far apart in their rows, into the scratch.
///
/// # Safety
/// As for [`finish`].
#[inline(always)]
unsafe fn gather_film<S: Simd>(simd: S, finish: &mut Finish<'_>) {
    let scratch = finish.scratch.as_mut_ptr();
    if finish.film_scale.is_none() && finish.film_bias.is_none() {
        return;
    }
    for (section, film, identity) in
        [(Section::FilmScale, finish.film_scale, 1.0), (Section::FilmBias, finish.film_bias, 0.0)]
    {
        for row in 0..finish.batch {
            for column in 0..finish.columns {
                // SAFETY: there is a row of FiLM parameters for each batch row; the scratch has four numbers for each channel.
                unsafe {
                    let number = |film: Rows<'_>| film.data.as_ptr().add(row * film.stride + column * S::LANES);
                    let film = film.map_or(simd.splat(identity), |film| simd.load(number(film)));
                    simd.store(scratch.add(finish.at(section, column, row, S::LANES)), film);
                }
            }
        }
    }
}

/// # Safety
/// As for [`finish`]; the scratch holds the results of the functions above.
#[inline(always)]
unsafe fn write<S: Simd>(simd: S, finish: &Finish<'_>) {
    let scratch = finish.scratch.as_ptr();
    let modulated = finish.film_scale.is_some() || finish.film_bias.is_some();
    let norm = finish.norm.is_some();
    for column in 0..finish.columns {
        for position in 0..finish.positions {
            for row in 0..finish.batch {
                // SAFETY: the scratch has four registers for each column and batch row; those that are read were written.
                let scratch = |section| unsafe { simd.load(scratch.add(finish.at(section, column, row, S::LANES))) };
                let here = position * finish.batch + row;
                // SAFETY: `sums` has a register for each column, position and batch row.
                let mut x = unsafe { simd.load(finish.sums.as_ptr().add(finish.sum(column, position, row, S::LANES))) };
                if norm {
                    x = simd.mul_add(x, scratch(Section::Scale), scratch(Section::Shift));
                }
                match finish.nonlinearity {
                    Some(Nonlinearity::Mish) => x = mish(simd, x),
                    Some(Nonlinearity::Gelu) => x = gelu(simd, x),
                    Some(Nonlinearity::GeluTanh) => x = gelu_tanh(simd, x),
                    None => {}
                }
                if modulated {
                    x = simd.mul_add(x, scratch(Section::FilmScale), scratch(Section::FilmBias));
                }
                if let Some(residual) = finish.residual {
                    // SAFETY: the residual has as many rows and channels as the output.
                    let residual =
                        unsafe { simd.load(residual.data.as_ptr().add(here * residual.stride + column * S::LANES)) };
                    x = simd.add(x, residual);
                }
                if finish.rectified {
                    // NaN stays NaN.
                    x = simd.max(simd.splat(0.0), x);
                }
                // SAFETY: the caller says that this unit's channels can be written in every row.
                unsafe { simd.store(finish.output.add(here * finish.stride + column * S::LANES), x) };
            }
        }
    }
}
