//! Minimal filtering along the positions, for convolutions of five taps (Winograd 1980; Lavin and Gray 2015,
//! arXiv 1509.09308): four outputs from at most eight products, where plain sums need twenty.
//!
//! With the points `p` of 0, ±1, ±2, ±1/2 and infinity, `y_i = Σ_p p^i u_p v_p`: `u` are the weights and `v` the inputs,
//! each transformed, and the sum over channels of a product `u_p v_p` is a matrix product. The convolution is symmetric in
//! inputs, weights and outputs, so the three transforms can be assigned freely:
//!
//! - sequences of four positions: inputs are four numbers, so they are evaluated as a polynomial of degree 3, and the badly
//!   conditioned interpolation is applied to the weights, once and in f64. Seven points suffice.
//! - tiles of four positions in longer sequences: weights are evaluated, inputs interpolated from eight neighbours.

#![allow(unsafe_code, reason = "registers over columns of channels")]

use super::simd::Simd;

/// The points but infinity, which is the last.
const POINTS: [f64; 7] = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5];

/// How a sequence is divided into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A sequence of four positions.
    Whole,
    /// So many tiles of four positions.
    Tiles(usize),
}

/// Positions of a tile.
pub(super) const TILE: usize = 4;
/// Taps of the convolutions that are computed so.
pub(super) const TAPS: usize = 5;

impl Scheme {
    /// The scheme for a sequence of `positions`, if there is one.
    pub fn of(positions: usize) -> Option<Self> {
        match positions {
            TILE => Some(Self::Whole),
            _ => positions.is_multiple_of(TILE).then_some(Self::Tiles(positions / TILE)),
        }
    }

    pub fn tiles(self) -> usize {
        match self {
            Self::Whole => 1,
            Self::Tiles(tiles) => tiles,
        }
    }

    pub fn points(self) -> usize {
        match self {
            Self::Whole => POINTS.len(),
            Self::Tiles(_) => POINTS.len() + 1,
        }
    }

    /// The factors of a filter's taps at each point, which evaluate (tiles) or interpolate (whole) the filter.
    pub fn filter(self) -> Vec<[f64; TAPS]> {
        let at = |(i, p): (usize, &f64)| {
            let others = || POINTS.iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, q)| q);
            let factor: f64 = others().map(|q| p - q).product();
            let mut coefficients = match self {
                Self::Tiles(_) => std::array::from_fn(|tap| p.powi(tap as i32)),
                Self::Whole => {
                    // The coefficients of the product of all (x - q), lowest power first. Tap i takes the coefficient of
                    // power TAPS - i; those of the lowest and the highest power are not used.
                    let mut polynomial = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                    for (degree, q) in others().enumerate() {
                        for k in (0..=degree).rev() {
                            polynomial[k + 1] += polynomial[k];
                            polynomial[k] *= -q;
                        }
                    }
                    std::array::from_fn(|tap| polynomial[TAPS - tap])
                }
            };
            coefficients.iter_mut().for_each(|coefficient| *coefficient /= factor);
            coefficients
        };
        let infinity = matches!(self, Self::Tiles(_)).then_some([0.0, 0.0, 0.0, 0.0, 1.0]);
        POINTS.iter().enumerate().map(at).chain(infinity).collect()
    }
}

/// Transforms inputs: `[position, batch, channel]` to `[point, tile, batch, channel]`.
pub(super) struct Scatter<'a> {
    pub scheme: Scheme,
    pub batch: usize,
    /// Channels of a row of inputs and of outputs, up to the end of the last register.
    pub channels: usize,
    pub inputs: &'a [f32],
    pub outputs: &'a mut [f32],
}

impl Scatter<'_> {
    pub fn fits(&self, lanes: usize) -> bool {
        let rows = self.scheme.tiles() * self.batch;
        self.channels.is_multiple_of(lanes)
            && self.inputs.len() >= TILE * rows * self.channels
            && self.outputs.len() >= self.scheme.points() * rows * self.channels
    }
}

/// # Safety
/// `scatter.fits(S::LANES)`.
#[inline(always)]
pub(super) unsafe fn scatter<S: Simd>(simd: S, scatter: &mut Scatter<'_>) {
    let (batch, channels, tiles) = (scatter.batch, scatter.channels, scatter.scheme.tiles());
    for tile in 0..tiles {
        for row in 0..batch {
            let to = scatter.outputs.as_mut_ptr().wrapping_add((tile * batch + row) * channels);
            for channel in (0..channels).step_by(S::LANES) {
                let input = |position: usize| {
                    let from = scatter.inputs.as_ptr().wrapping_add((position * batch + row) * channels + channel);
                    // SAFETY: `input` is called only for positions that are there.
                    unsafe { simd.load(from) }
                };
                let store = |point: usize, x: S::Vector| {
                    // SAFETY: the outputs have a row for each point, tile and batch row.
                    unsafe { simd.store(to.wrapping_add(point * tiles * batch * channels + channel), x) };
                };
                match scatter.scheme {
                    Scheme::Whole => whole(simd, input, store),
                    Scheme::Tiles(_) => {
                        let mut inputs = [simd.splat(0.0); 8];
                        for (i, x) in inputs.iter_mut().enumerate() {
                            let position = TILE * tile + i;
                            if (2..TILE * tiles + 2).contains(&position) {
                                *x = input(position - 2);
                            }
                        }
                        interpolate(simd, inputs, store);
                    }
                }
            }
        }
    }
}

/// Four inputs, last one first, as a polynomial at each point.
#[inline(always)]
fn whole<S: Simd>(simd: S, input: impl Fn(usize) -> S::Vector, store: impl Fn(usize, S::Vector)) {
    let [x0, x1, x2, x3] = [input(0), input(1), input(2), input(3)];
    store(0, x3);
    for (point, p) in [(1, 1.0), (3, 2.0), (5, 0.5)] {
        let even = simd.mul_add(x1, simd.splat(p * p), x3);
        let odd = simd.mul(simd.mul_add(x0, simd.splat(p * p), x2), simd.splat(p));
        store(point, simd.add(even, odd));
        store(point + 1, simd.sub(even, odd));
    }
}

/// Eight inputs against the coefficients of `Π_(q ≠ p) (x - q)` for each point.
#[inline(always)]
fn interpolate<S: Simd>(simd: S, x: [S::Vector; 8], store: impl Fn(usize, S::Vector)) {
    let quarters = |a: S::Vector, number: f32, b: S::Vector| simd.mul_add(a, simd.splat(number), b);
    store(0, simd.sub(quarters(simd.sub(x[2], x[4]), 5.25, x[6]), x[0]));
    store(7, simd.sub(quarters(simd.sub(x[3], x[5]), 5.25, x[7]), x[1]));
    // `(x^2 + p x)(x^4 - a x^2 + b)`, where p^2, a and b are those of the other two pairs.
    for (point, p, a, b) in [(1, 1.0, 4.25, 1.0), (3, 2.0, 1.25, 0.25), (5, 0.5, 5.0, 4.0)] {
        let even = quarters(x[2], b, quarters(x[4], -a, x[6]));
        let odd = simd.mul(quarters(x[1], b, quarters(x[3], -a, x[5])), simd.splat(p));
        store(point, simd.add(even, odd));
        store(point + 1, simd.sub(even, odd));
    }
}

/// Transforms products back: `[column, point, tile, batch, lane]` to `[column, position, batch, lane]`, and adds a bias.
pub(super) struct Gather<'a> {
    pub scheme: Scheme,
    pub batch: usize,
    /// Registers of channels.
    pub columns: usize,
    pub products: &'a [f32],
    /// A number for each channel.
    pub bias: &'a [f32],
    pub outputs: &'a mut [f32],
}

impl Gather<'_> {
    pub fn fits(&self, lanes: usize) -> bool {
        let rows = self.scheme.tiles() * self.batch;
        self.products.len() >= self.columns * self.scheme.points() * rows * lanes
            && self.outputs.len() >= self.columns * TILE * rows * lanes
            && self.bias.len() >= self.columns * lanes
    }
}

/// # Safety
/// `gather.fits(S::LANES)`.
#[inline(always)]
pub(super) unsafe fn gather<S: Simd>(simd: S, gather: &mut Gather<'_>) {
    let (batch, tiles, points) = (gather.batch, gather.scheme.tiles(), gather.scheme.points());
    let rows = tiles * batch;
    for column in 0..gather.columns {
        // SAFETY: there is a bias for each channel.
        let bias = unsafe { simd.load(gather.bias.as_ptr().add(column * S::LANES)) };
        let products = gather.products.as_ptr().wrapping_add(column * points * rows * S::LANES);
        let outputs = gather.outputs.as_mut_ptr().wrapping_add(column * TILE * rows * S::LANES);
        for tile in 0..tiles {
            for row in 0..batch {
                let from = products.wrapping_add((tile * batch + row) * S::LANES);
                let product = |point: usize| {
                    // SAFETY: products have a register for each column, point, tile and batch row.
                    unsafe { simd.load(from.wrapping_add(point * rows * S::LANES)) }
                };
                let mut y = evaluate(simd, bias, product);
                if points == POINTS.len() + 1 {
                    y[3] = simd.add(y[3], product(POINTS.len()));
                }
                for (i, y) in y.into_iter().enumerate() {
                    let to = outputs.wrapping_add(((TILE * tile + i) * batch + row) * S::LANES);
                    // SAFETY: outputs have a register for each column, position and batch row.
                    unsafe { simd.store(to, y) };
                }
            }
        }
    }
}

/// `Σ_p p^i product(p)` for four `i`, over the finite points.
#[inline(always)]
fn evaluate<S: Simd>(simd: S, bias: S::Vector, product: impl Fn(usize) -> S::Vector) -> [S::Vector; 4] {
    let mut y = [simd.add(bias, product(0)), bias, bias, bias];
    for (point, p) in [(1, 1.0_f32), (3, 2.0), (5, 0.5)] {
        let (plus, minus) = (product(point), product(point + 1));
        let (even, odd) = (simd.add(plus, minus), simd.sub(plus, minus));
        y[0] = simd.add(y[0], even);
        y[1] = simd.mul_add(odd, simd.splat(p), y[1]);
        y[2] = simd.mul_add(even, simd.splat(p * p), y[2]);
        y[3] = simd.mul_add(odd, simd.splat(p * p * p), y[3]);
    }
    y
}
