//! How a log is begun.

use std::fs::File;
use std::io;
#[cfg(feature = "live")]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parapolicy_control::Sketch;

use super::display::Display;
use super::ring::Ring;
use super::sinks::Sinks;
use super::topic::{POINTS, Schema, Topic};
use super::writer::Writer;
use super::{LogError, LogFile};

/// A log that is not begun yet.
pub struct LogOptions {
    numbers: usize,
    sketch: Option<Box<dyn Sketch>>,
    #[cfg(feature = "live")]
    live: Option<SocketAddr>,
}

impl LogOptions {
    /// A log whose messages have at most `numbers` numbers: those of an observation, of a whole plan, or of a scene.
    #[must_use]
    pub fn new(numbers: usize) -> Self {
        Self {
            numbers,
            sketch: None,
            #[cfg(feature = "live")]
            live: None,
        }
    }

    /// Draws scenes by this sketch; none draws none.
    #[must_use]
    pub fn drawn_by(mut self, sketch: Option<Box<dyn Sketch>>) -> Self {
        self.sketch = sketch;
        self
    }

    /// Shows the log as it is written, too: by Foxglove's WebSocket protocol, at this address. With port 0 it is a free
    /// port, which [`LogFile::live`] names. Whoever can reach the address can watch.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn live(mut self, address: SocketAddr) -> Self {
        self.live = Some(address);
        self
    }

    /// Creates the file `path`, or if there is one, `path` with the first free number: `a.mcap`, `a-2.mcap`.
    ///
    /// # Errors
    /// A file that cannot be created, an address that cannot be listened on, or no thread.
    pub fn create(self, path: &Path) -> Result<LogFile, LogError> {
        let display = Display::new(self.sketch);
        let channels = channels(display.bodies());
        #[cfg(feature = "live")]
        let live = self.live.map(|address| listen(address, &channels)).transpose()?;
        #[cfg(feature = "live")]
        let address = live.as_ref().map(super::live::Live::address);
        let (path, file) = create_new(path)?;
        let ring = Arc::new(Ring::new(self.numbers));
        let sinks = Sinks::new(file, &channels).map_err(|source| LogError::Write { path: path.clone(), source })?;
        #[cfg(feature = "live")]
        let sinks = sinks.watched(live);
        let writer = Writer::new(sinks, display, Arc::clone(&ring));
        let thread = std::thread::Builder::new().name("parapolicy-log".into());
        let writer = Some(thread.spawn(|| writer.run()).map_err(LogError::Thread)?);
        Ok(LogFile {
            path,
            #[cfg(feature = "live")]
            live: address,
            ring,
            writer,
        })
    }
}

/// The topics of all logs, and those of a scene's bodies.
fn channels<'n>(bodies: impl Iterator<Item = &'n str>) -> Vec<(String, Schema)> {
    let usual = Topic::ALL.iter().map(|topic| (topic.name().to_owned(), topic.schema()));
    usual.chain(bodies.map(|name| (format!("{}/{name}", Topic::Scene.name()), POINTS))).collect()
}

#[cfg(feature = "live")]
fn listen(address: SocketAddr, channels: &[(String, Schema)]) -> Result<super::live::Live, LogError> {
    let started = super::live::Live::start(address, channels);
    started.map_err(|source| LogError::Live { address, source: Box::new(source) })
}

/// Creates a file that was not there.
fn create_new(path: &Path) -> Result<(PathBuf, File), LogError> {
    let numbered = |number: u32| match number {
        1 => path.to_owned(),
        _ => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
            path.with_file_name(format!("{stem}-{number}{}", extension.unwrap_or_default()))
        }
    };
    let mut number = 1;
    loop {
        let path = numbered(number);
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(LogError::Create { path, source }),
        }
    }
}
