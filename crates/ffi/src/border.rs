//! Where pointers become something safe, or are refused.
//!
//! What C promises is said once, in the header: a pointer that is not null points to what its type and the length beside
//! it say, for as long as the call lasts, and nobody else writes there meanwhile; a handle comes from this library and was
//! not freed. What can be checked is checked: null, lengths, and text.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

use crate::failure::Failure;

/// What a pointer points to.
///
/// # Safety
/// If it is not null, it is aligned and points to a value of `T` that is not written to while `'a` lasts.
pub unsafe fn shared<'a, T>(name: &'static str, pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise; null becomes none.
    unsafe { pointer.as_ref() }.ok_or(Failure::Null(name))
}

/// `len` numbers to read, which must be `expected`.
///
/// # Safety
/// If it is not null, `pointer` is aligned and points to `len` numbers that are not written to while `'a` lasts.
pub unsafe fn numbers<'a>(
    name: &'static str,
    pointer: *const f64,
    len: usize,
    expected: usize,
) -> Result<&'a [f64], Failure> {
    check(name, pointer, len, expected)?;
    // SAFETY: not null, and the caller's promise; `expected` numbers of a policy in memory are within `isize::MAX` bytes.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// `len` bytes to read.
///
/// # Safety
/// If it is not null, `pointer` points to `len` bytes that are not written to while `'a` lasts.
pub unsafe fn bytes<'a>(name: &'static str, pointer: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    if pointer.is_null() {
        return Err(Failure::Null(name));
    }
    if isize::try_from(len).is_err() {
        return Err(Failure::Length { name, found: len, expected: isize::MAX as usize });
    }
    // SAFETY: not null, not longer than memory is, and the caller's promise.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// A text, if there is one.
///
/// # Safety
/// If it is not null, `pointer` points to text that is closed by a zero and not written to while `'a` lasts.
pub unsafe fn text<'a>(name: &'static str, pointer: *const c_char) -> Result<Option<&'a str>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map(Some).map_err(|_| Failure::Text { name })
}

/// A place for a result. No reference to it is made, so that it may lie where something was read from.
pub struct Out<'a, T> {
    place: *mut T,
    lives: PhantomData<&'a mut T>,
}

/// The place that a pointer points to.
///
/// # Safety
/// If it is not null, it is aligned and points to memory for a `T` that nobody else uses while `'a` lasts.
pub unsafe fn out<'a, T>(name: &'static str, place: *mut T) -> Result<Out<'a, T>, Failure> {
    if place.is_null() { Err(Failure::Null(name)) } else { Ok(Out { place, lives: PhantomData }) }
}

impl<T> Out<'_, T> {
    /// Writes the result; what lay there is C's, and is not dropped.
    pub fn write(&mut self, value: T) {
        // SAFETY: `out` was promised that the place can be written to.
        unsafe { self.place.write(value) };
    }
}

impl<T> Out<'_, *mut T> {
    /// Hands a value out to C, to be taken back by [`take`].
    pub fn hand_out(&mut self, value: T) {
        self.write(Box::into_raw(Box::new(value)));
    }
}

/// A place for numbers, under the same rule.
pub struct Room<'a> {
    place: *mut f64,
    len: usize,
    lives: PhantomData<&'a mut [f64]>,
}

/// Room for `len` numbers, which must be `expected`.
///
/// # Safety
/// If it is not null, `place` is aligned and points to `len` numbers that nobody else uses while `'a` lasts.
pub unsafe fn room<'a>(name: &'static str, place: *mut f64, len: usize, expected: usize) -> Result<Room<'a>, Failure> {
    check(name, place, len, expected)?;
    Ok(Room { place, len, lives: PhantomData })
}

impl Room<'_> {
    /// Writes the numbers that it has room for.
    pub fn fill<'v>(&mut self, values: impl IntoIterator<Item = &'v f64>) {
        self.put(values.into_iter().copied());
    }

    /// The same.
    pub fn put(&mut self, values: impl Iterator<Item = f64>) {
        for (index, value) in values.take(self.len).enumerate() {
            // SAFETY: `room` was promised that `len` numbers can be written to, and `index` is below.
            unsafe { self.place.add(index).write(value) };
        }
    }

    /// A part of it, as far as it has one.
    pub fn part(self, part: Range<usize>) -> Self {
        let end = part.end.min(self.len);
        let start = part.start.min(end);
        // SAFETY: `start` is at most `len`.
        Self { place: unsafe { self.place.add(start) }, len: end - start, ..self }
    }
}

fn check(name: &'static str, pointer: *const f64, found: usize, expected: usize) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::Null(name));
    }
    if found == expected { Ok(()) } else { Err(Failure::Length { name, found, expected }) }
}

/// Takes back what was handed out; null is nothing.
///
/// # Safety
/// If it is not null, `pointer` was handed out by [`Out::hand_out`], was not taken back yet, and nobody uses it now.
pub unsafe fn take<T>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: not null, and the caller's promise.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}
