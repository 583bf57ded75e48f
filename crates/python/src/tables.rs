//! PushT's tables, one or many, and the work on all of them at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use parapolicy_pusht::{FrameSizeError, Outcome, Renderer, Snapshot, State, World, WorldError, parallel};
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};

use crate::failure::Failure;
use crate::signals::Signals;

/// Tables are worked on in so many at a time; between, signals are looked for.
const AT_ONCE: usize = 256;

/// Bytes of the largest frames of all tables, 4 GiB.
const LARGEST_FRAMES: u64 = 1 << 32;

/// Tables, which several Python objects may refer to.
#[derive(Clone)]
pub struct Tables(Arc<Mutex<Vec<World>>>);

impl Tables {
    /// The most that there can be, some tens of kilobytes each.
    pub const MOST: usize = 65_536;

    pub fn new(count: usize) -> Result<Self, Failure> {
        if count == 0 || count > Self::MOST {
            let problem = format!("num_envs is {count}, but must be between 1 and {}", Self::MOST);
            return Err(PyValueError::new_err(problem).into());
        }
        let mut tables: Vec<()> = vec![(); count];
        Ok(Self(Arc::new(Mutex::new(in_parts(&mut tables, |_, ()| Ok(World::new()))?))))
    }

    /// The tables, if nobody else works on them. It never waits: in a process that was forked, the other may not be there.
    pub fn lock(&self) -> Result<MutexGuard<'_, Vec<World>>, Failure> {
        match self.0.try_lock() {
            Ok(tables) => Ok(tables),
            Err(TryLockError::Poisoned(tables)) => Ok(PoisonError::into_inner(tables)),
            Err(TryLockError::WouldBlock) => {
                let problem = "the environments are at work in another thread, or were when this process was forked from \
                               theirs: wait for that thread, or create environments of its own for each";
                Err(PyRuntimeError::new_err(problem).into())
            }
        }
    }
}

/// Moves every table by one control step, `actions[i]` on table `i`; all stay as they were if one is refused, or on a signal.
pub fn step(tables: &mut [World], actions: &[[f64; 2]]) -> Result<Vec<Outcome>, Failure> {
    let before: Vec<Snapshot> = tables.iter().map(World::snapshot).collect();
    let outcomes = in_parts(tables, |index, table| {
        let refusal = |source: WorldError| PyValueError::new_err(format!("environment {index}: {source}")).into();
        table.step(actions[index]).map_err(refusal)
    });
    if outcomes.is_err() {
        tables.iter_mut().zip(&before).for_each(|(table, before)| table.restore(before));
    }
    outcomes
}

/// The tables drawn, `[tables, height, width, 3]`.
pub fn pixels(states: &mut [State], width: u32, height: u32) -> Result<Vec<u8>, Failure> {
    let bytes = 3 * u64::from(width) * u64::from(height) * states.len() as u64;
    if width.max(height) <= Renderer::LARGEST && bytes > LARGEST_FRAMES {
        let frames = states.len();
        let problem = format!(
            "{frames} frames of {width} by {height} px take more than {LARGEST_FRAMES} bytes: draw smaller ones"
        );
        return Err(PyMemoryError::new_err(problem).into());
    }
    let frame =
        |_, state: &mut State| Ok::<_, FrameSizeError>(Renderer::new(width, height)?.draw(state, &[]).into_rgb());
    let frames = in_parts(states, |index, state| frame(index, state).map_err(Failure::from))?;
    Ok(frames.concat())
}

/// Does `act` to every item on every core, and looks for signals in between.
fn in_parts<T: Send, R: Send>(
    items: &mut [T],
    act: impl Fn(usize, &mut T) -> Result<R, Failure> + Send + Sync,
) -> Result<Vec<R>, Failure> {
    let mut signals = Signals::new();
    let mut results = Vec::with_capacity(items.len());
    for (part, items) in items.chunks_mut(AT_ONCE).enumerate() {
        signals.check()?;
        for result in parallel::map(items, |index, item| act(part * AT_ONCE + index, item)) {
            results.push(result?);
        }
    }
    Ok(results)
}
