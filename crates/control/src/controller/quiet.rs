//! Code of others, whose panics do not end the thread that runs it: policies, their errors, observers, and whatever `Drop`
//! does for any of them.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::BoxError;

/// What `body` returns, or the message of its panic.
pub(super) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let message = message(&*payload);
        let _also_panicked = discard(payload);
        message
    })
}

/// Drops `value`; the message of the panic, if its `Drop` panics.
pub(super) fn discard<T>(value: T) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).map_err(|payload| {
        let message = message(&*payload);
        // A payload that panics in turn would never come to an end.
        std::mem::forget(payload);
        message
    })
}

/// An error and its causes in words; its `Display` and its `Drop` may panic.
pub(super) fn words(error: BoxError) -> String {
    let text = caught(|| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        text
    });
    let _dropped = discard(error);
    text.unwrap_or_else(|panic| format!("an error that cannot be shown: it panicked: {panic}"))
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}
