//! What an instruction set must offer.

#![allow(unsafe_code, reason = "registers are loaded and stored by address")]

/// Vectors of an instruction set. A value is a proof that this processor has it: nobody makes one without asking.
pub(super) trait Simd: Copy {
    /// A register.
    type Vector: Copy;
    /// Numbers in a register, a power of two of 16 at most.
    const LANES: usize;
    /// Channels that one number of an operand holds: 2 where it is two bf16.
    const PACKED: usize;

    /// # Safety
    /// `LANES` numbers can be read at `from`.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// # Safety
    /// `LANES` numbers can be written at `to`.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);

    /// Brings weights into the second cache that are soon read. Any address will do.
    fn prefetch(self, address: *const f32);

    fn splat(self, number: f32) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The other one, `b`, where one is not a number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The other one, `b`, where one is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once where the instruction set can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// `1 / a` to 1e-7, for `a` of at least 1 and at most 1e30.
    fn reciprocal(self, a: Self::Vector) -> Self::Vector;
    /// Every number in the place of the one `DISTANCE` lanes away, a power of two: lanes 0 and 1 change places, and so on.
    fn swap<const DISTANCE: usize>(self, a: Self::Vector) -> Self::Vector;
    /// `2^n` for the integer `n` in the low bits of each number, as `exp` leaves it there.
    fn power_of_two(self, n: Self::Vector) -> Self::Vector;
    /// `sum + weights * inputs`, the inner product of what operands hold packed.
    fn dot(self, weights: Self::Vector, inputs: Self::Vector, sum: Self::Vector) -> Self::Vector;
}
