//! The newest numbers of a source, with their times.

use std::time::Duration;

use super::Absence;

/// Numbers that a source's memory may have, 64 KiB, unless that is too few for [`LEAST`].
const NUMBERS: usize = 1 << 13;
/// Fewest and most values that are remembered: images of 0.13 s at 30 Hz, joints of 0.13 s at 500 Hz.
const LEAST: usize = 4;
const MOST: usize = 64;

/// The newest values of a source, each with its time, of which a control step takes the newest at or before its own. Only
/// [`Recent::new`] allocates.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use parapolicy_control::entries::{Absence, Recent};
///
/// let (ms, stale) = (Duration::from_millis, Duration::from_millis(50));
/// let mut joints = Recent::new(1);
/// for (time, position) in [(100, 1.0), (102, 2.0), (104, 3.0)] {
///     assert_eq!(joints.take(ms(time), [position]), Ok(()));
/// }
/// assert_eq!(joints.at(ms(103), stale)?, [2.0]);
/// assert_eq!(joints.at(ms(155), stale), Err(Absence::Stale { age: ms(51), stale }));
/// assert_eq!(joints.take(ms(105), [f64::NAN]), Err(0), "it is not taken");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recent {
    len: usize,
    /// `[slots, len]`: one more than are remembered, to be written.
    rows: Vec<f64>,
    times: Vec<Duration>,
    /// Where the next is written; the newest lies before it, around the end.
    next: usize,
    count: usize,
}

impl Recent {
    /// Nothing yet, of a source of `len` numbers.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let slots = (NUMBERS / len.max(1)).clamp(LEAST, MOST) + 1;
        Self { len, rows: vec![0.0; slots * len], times: vec![Duration::ZERO; slots], next: 0, count: 0 }
    }

    /// Takes what is of `time`, as many numbers as the source has, which is newer than all so far. What lies before it by more than is
    /// remembered is forgotten.
    ///
    /// # Errors
    /// The index of the first number that is missing, NaN or infinite; nothing is taken then.
    pub fn take(&mut self, time: Duration, values: impl IntoIterator<Item = f64>) -> Result<(), usize> {
        let mut values = values.into_iter();
        let row = &mut self.rows[self.next * self.len..][..self.len];
        for (index, to) in row.iter_mut().enumerate() {
            *to = values.next().filter(|value| value.is_finite()).ok_or(index)?;
        }
        self.times[self.next] = time;
        self.next = (self.next + 1) % self.times.len();
        self.count = (self.count + 1).min(self.times.len() - 1);
        Ok(())
    }

    /// When the newest was taken; none before the first.
    #[must_use]
    pub fn newest(&self) -> Option<Duration> {
        (self.count > 0).then(|| self.times[self.slot(0)])
    }

    /// The newest at or before `time`, and not older than `stale` then.
    ///
    /// # Errors
    /// Why there is none.
    pub fn at(&self, time: Duration, stale: Duration) -> Result<&[f64], Absence> {
        let Some(slot) = (0..self.count).map(|back| self.slot(back)).find(|slot| self.times[*slot] <= time) else {
            let oldest = self.count.checked_sub(1).map(|back| self.times[self.slot(back)]);
            return Err(oldest.map_or(Absence::NotYet, |oldest| Absence::Ahead { by: oldest.saturating_sub(time) }));
        };
        let age = time.saturating_sub(self.times[slot]);
        if age > stale {
            return Err(Absence::Stale { age, stale });
        }
        Ok(&self.rows[slot * self.len..][..self.len])
    }

    /// Forgets everything; time may begin again.
    pub fn forget(&mut self) {
        self.count = 0;
    }

    /// Where that lies which is so many before the newest.
    fn slot(&self, back: usize) -> usize {
        let slots = self.times.len();
        (self.next + slots - 1 - back) % slots
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const EVER: Duration = Duration::MAX;

    /// `count` values, each its own time in ms, each number of it.
    fn recent(len: usize, count: u32) -> Recent {
        let mut recent = Recent::new(len);
        (1..=count).for_each(|time| recent.take(MS * time, vec![f64::from(time); len]).unwrap());
        recent
    }

    #[test]
    fn joints_are_remembered_longer_than_images() {
        for (len, remembered) in [(1, 64), (100, 64), (1000, 8), (5000, 4), (300_000, 4)] {
            let count = 3 * 64 + 1;
            let recent = recent(len, count);
            let oldest = count - remembered + 1;
            assert_eq!(recent.at(MS * oldest, EVER).unwrap()[len - 1], f64::from(oldest), "{len}");
            assert_eq!(recent.at(MS * (oldest - 1), EVER), Err(Absence::Ahead { by: MS }), "{len}");
        }
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut recent = recent(3, 100);
        let before: Vec<_> = (0..110).map(|time| recent.at(MS * time, EVER).map(<[f64]>::to_vec)).collect();
        assert_eq!(recent.take(MS * 105, [1.0, 2.0, f64::INFINITY]), Err(2));
        assert_eq!(recent.take(MS * 105, [1.0]), Err(1), "too few");
        let after: Vec<_> = (0..110).map(|time| recent.at(MS * time, EVER).map(<[f64]>::to_vec)).collect();
        assert_eq!(before, after);
    }

    #[test]
    fn of_two_at_one_time_the_later_counts() {
        let mut recent = recent(1, 5);
        recent.take(MS * 5, [7.0]).unwrap();
        assert_eq!(recent.at(MS * 5, EVER).unwrap(), [7.0]);
        recent.forget();
        assert_eq!((recent.newest(), recent.at(MS * 5, EVER)), (None, Err(Absence::NotYet)));
    }
}
