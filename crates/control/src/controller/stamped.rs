//! The entries of an observation as they come, each at its own time.

use std::sync::Arc;
use std::time::Duration;

use parapolicy_policy::{Entry, EntryError, Normalization, Pixels};

use super::ControllerError;
use crate::entries::{Absence, Entries, Recent};

/// An entry that makes no observation of a control step, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not observed: {why}")]
pub struct Unobserved {
    /// Its name.
    pub entry: Arc<str>,
    /// Why.
    pub why: Absence,
}

/// What has come of every entry.
pub(super) struct Stamped {
    sources: Vec<Source>,
    stale: Duration,
}

struct Source {
    /// Without its statistics.
    entry: Entry,
    name: Arc<str>,
    recent: Recent,
    /// Why there was nothing of it at the last control step, and whether that was told.
    absent: Option<Absence>,
    told: bool,
}

impl Stamped {
    pub fn new(entries: &Entries) -> Self {
        Self { sources: entries.list.iter().map(Source::new).collect(), stale: entries.stale }
    }

    pub fn take<V>(&mut self, name: &str, values: V, time: Duration) -> Result<(), ControllerError>
    where
        V: IntoIterator<Item = f64, IntoIter: ExactSizeIterator>,
    {
        let (source, values) = (self.find(name)?, values.into_iter());
        source.entry.check_len(values.len())?;
        source.take(values, time)
    }

    pub fn take_image(&mut self, name: &str, image: &Pixels<'_>, time: Duration) -> Result<(), ControllerError> {
        let source = self.find(name)?;
        let values = source.entry.pixels(image)?;
        source.take(values, time)
    }

    fn find(&mut self, name: &str) -> Result<&mut Source, EntryError> {
        match self.sources.iter().position(|source| source.entry.name == name) {
            Some(index) => Ok(&mut self.sources[index]),
            None => {
                let known = self.sources.iter().map(|source| source.entry.name.clone()).collect();
                Err(EntryError::Unknown { name: name.to_owned(), known })
            }
        }
    }

    /// Whether there are entries, and something of every one at a control step.
    pub fn is_whole(&mut self, time: Duration) -> bool {
        for source in &mut self.sources {
            source.absent = source.recent.at(time, self.stale).err();
            source.told &= source.absent.is_some();
        }
        !self.sources.is_empty() && self.sources.iter().all(|source| source.absent.is_none())
    }

    /// An entry that was not there at the last control step and that was not told yet; it is told again once it was back.
    pub fn untold(&mut self) -> Option<Unobserved> {
        self.sources.iter_mut().filter(|source| !source.told).find_map(|source| {
            let why = source.absent?;
            source.told = true;
            Some(Unobserved { entry: Arc::clone(&source.name), why })
        })
    }

    /// The numbers of all entries at a control step of which all are there, in the observation's order.
    pub fn row(&self, time: Duration) -> impl Iterator<Item = f64> {
        self.sources.iter().flat_map(move |source| source.recent.at(time, self.stale).unwrap_or_default()).copied()
    }

    /// Forgets what has come: an episode begins, or time.
    pub fn forget(&mut self) {
        for source in &mut self.sources {
            source.recent.forget();
            (source.absent, source.told) = (None, false);
        }
    }
}

impl Source {
    fn new(entry: &Entry) -> Self {
        let entry = Entry { normalization: Normalization::Identity {}, ..entry.clone() };
        let (name, recent) = (Arc::from(entry.name.as_str()), Recent::new(entry.len()));
        Self { entry, name, recent, absent: None, told: false }
    }

    fn take(&mut self, values: impl Iterator<Item = f64>, time: Duration) -> Result<(), ControllerError> {
        if let Some(from) = self.recent.newest().filter(|from| time < *from) {
            return Err(ControllerError::EntryWentBack { name: self.entry.name.clone(), from, to: time });
        }
        self.recent.take(time, values).map_err(|index| {
            let name = self.entry.name.clone();
            EntryError::NotFinite { name, index }.into()
        })
    }
}
