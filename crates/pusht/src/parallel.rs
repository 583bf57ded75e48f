//! Work on many items at once, on every core.
//!
//! Threads do not survive `fork`: a child has its parent's memory, a thread pool's too, but only the thread that called `fork`.
//! What waits for the pool waits for ever. So the pool here belongs to a process, and a child that was forked builds its own.

use std::sync::{Mutex, PoisonError, TryLockError};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pool, and the process that built it.
static POOL: Mutex<Option<(u32, &'static ThreadPool)>> = Mutex::new(None);

/// Does `act` to every item, and hands back the results in order. On every core, or on as many as `RAYON_NUM_THREADS` says.
///
/// It may be called in a process that was forked, whatever the parent was doing.
///
/// ```
/// use parapolicy_pusht::parallel;
///
/// let mut numbers = [1, 2, 3];
/// assert_eq!(parallel::map(&mut numbers, |index, number| 10 * index + *number), [1, 12, 23]);
/// ```
pub fn map<T: Send, R: Send>(items: &mut [T], act: impl Fn(usize, &mut T) -> R + Send + Sync) -> Vec<R> {
    match pool().filter(|_| items.len() > 1) {
        Some(pool) => pool.install(|| items.par_iter_mut().enumerate().map(|(index, item)| act(index, item)).collect()),
        None => items.iter_mut().enumerate().map(|(index, item)| act(index, item)).collect(),
    }
}

/// This process's pool. None if the system starts no threads, or if the lock is taken: for a moment by another thread, or for
/// ever in a child, by a thread that `fork` left behind.
fn pool() -> Option<&'static ThreadPool> {
    let mut known = match POOL.try_lock() {
        Ok(known) => known,
        Err(TryLockError::Poisoned(known)) => PoisonError::into_inner(known),
        Err(TryLockError::WouldBlock) => return None,
    };
    let process = std::process::id();
    if let Some((_, pool)) = known.filter(|(owner, _)| *owner == process) {
        return Some(pool);
    }
    // Never dropped: one for a process, and a parent's may not be touched.
    let pool: &'static ThreadPool = Box::leak(Box::new(ThreadPoolBuilder::new().build().ok()?));
    *known = Some((process, pool));
    Some(pool)
}
