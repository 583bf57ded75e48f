//! The operations that an instruction set must offer: to add one, implement [`Simd`].

#![allow(unsafe_code, reason = "registers are loaded and stored by address")]

/// The vector operations of an instruction set. A value of this type is the proof that the processor has it: values are only
/// made after asking the processor.
pub(super) trait Simd: Copy {
    /// A register.
    type Vector: Copy;
    /// Numbers in a register: a power of two, at most 16.
    const LANES: usize;
    /// Channels that a number of an operand holds: 1, or 2 if it is a pair of bf16.
    const PACKED: usize;

    /// # Safety
    /// `LANES` numbers can be read at `from`.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// # Safety
    /// `LANES` numbers can be written at `to`.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);

    /// Prefetches a line into the second-level cache. Any address is allowed.
    fn prefetch(self, address: *const f32);

    fn splat(self, number: f32) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `b` if either is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `b` if either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once if the instruction set can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// `1 / a` to 1e-7, for `a` of at least 1 and at most 1e30.
    fn reciprocal(self, a: Self::Vector) -> Self::Vector;
    /// Exchanges lanes that are `DISTANCE` apart, a power of two: with 1, lanes 0 and 1, lanes 2 and 3, and so on.
    fn swap<const DISTANCE: usize>(self, a: Self::Vector) -> Self::Vector;
    /// `2^n` for the integer `n` in the low bits of each number.
    fn power_of_two(self, n: Self::Vector) -> Self::Vector;
    /// `sum + weights * inputs`; of packed operands, the inner product of the channels that they hold.
    fn dot(self, weights: Self::Vector, inputs: Self::Vector, sum: Self::Vector) -> Self::Vector;
}
