//! Structs that grow: a program made with the header of an earlier version goes on working with a later library.
//!
//! Such a struct begins with its size as the caller knows it. Fields are only ever added at the end, so a smaller size
//! means that the last fields are not there, and have their defaults.

use std::mem::size_of;
use std::ptr;

use crate::failure::Failure;

/// A struct of numbers and pointers whose first field is its size.
///
/// # Safety
/// The type is `repr(C)`, its first field is the size as a `usize`, and any bytes are a valid value of it.
pub unsafe trait Versioned: Copy {
    /// What messages call it.
    const NAME: &'static str;

    /// Size of its first version.
    const FIRST: usize;

    /// Its defaults, with the size that the caller knows.
    fn default_of(size: usize) -> Self;
}

fn check<T: Versioned>(size: usize) -> Result<(), Failure> {
    let (least, most) = (T::FIRST, size_of::<T>());
    if (least..=most).contains(&size) {
        return Ok(());
    }
    Err(Failure::Version { name: T::NAME, found: size, least, most })
}

/// Writes the defaults of the fields that the caller knows.
///
/// # Safety
/// As [`write()`].
pub unsafe fn write_default<T: Versioned>(pointer: *mut T, size: usize) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    unsafe { write(pointer, size, T::default_of(size)) }
}

/// Writes the fields of `value` that the caller knows.
///
/// # Safety
/// If it is not null, `pointer` is aligned for `T` and points to `size` bytes that nobody else uses now.
pub unsafe fn write<T: Versioned>(pointer: *mut T, size: usize, value: T) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::Null(T::NAME));
    }
    check::<T>(size)?;
    // SAFETY: `size` is at most that of `value`; the other end is not null, and the caller's promise.
    unsafe { ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), pointer.cast::<u8>(), size) };
    Ok(())
}

/// Reads the fields that the caller knows; the others have their defaults.
///
/// # Safety
/// If it is not null, `pointer` is aligned for `T` and points to a `usize` and, in all, as many bytes as that says.
pub unsafe fn read<T: Versioned>(pointer: *const T) -> Result<T, Failure> {
    if pointer.is_null() {
        return Err(Failure::Null(T::NAME));
    }
    // SAFETY: not null, aligned for `T` and so for its first field, which is a `usize`.
    let size = unsafe { pointer.cast::<usize>().read() };
    check::<T>(size)?;
    let mut value = T::default_of(size);
    // SAFETY: `size` is at most that of `value`, of which any bytes are a valid value; the caller's promise.
    unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut value).cast::<u8>(), size) };
    Ok(value)
}
