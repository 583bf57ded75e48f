//! Packs the weights of all steps.

use std::sync::{Mutex, PoisonError};

use crate::kernel::operation::Operation;
use crate::network::Step;

/// Packs steps, each of which has the weights up to its end, on so many threads. Each is freed as soon as that is done.
pub(super) fn pack<'o>(
    steps: impl Iterator<Item = ((&'o Operation, Step), usize)> + Send,
    weights: &mut [f32],
    threads: usize,
) {
    // What is left to do, the weights that it has, and where those begin.
    let queue = Mutex::new((steps, weights, 0));
    let next = || {
        let (steps, weights, start) = &mut *queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ((operation, step), end) = steps.next()?;
        let (own, rest) = std::mem::take(weights).split_at_mut(end - *start);
        *weights = rest;
        Some((operation, step, own, std::mem::replace(start, end)))
    };
    let work = || {
        while let Some((operation, step, own, start)) = next() {
            operation.pack(&step, own, start);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system has no more threads, this one does all of the work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}
