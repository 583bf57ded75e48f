//! Why nothing can be shown.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why nothing can be shown.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// There is no driver that draws.
    #[error(
        "there is no Vulkan driver: install your graphics card's, or the one in software (Debian: apt-get install \
         mesa-vulkan-drivers)"
    )]
    NoGraphics,
    /// There is no display to open a window on.
    #[error(
        "there is no display to open a window on ({0}): start it in a desktop session, or under a virtual one (Debian: \
         apt-get install xvfb, then xvfb-run), or draw to a file with --screenshot"
    )]
    NoDisplay(String),
    /// The window did not come up.
    #[error("the window cannot be opened: {0}")]
    Window(String),
    /// The graphics card did not hand the picture back.
    #[error("the picture was not drawn in time")]
    NoPicture,
    /// A thread could not be started.
    #[error("the thread that plays the episode cannot be started")]
    Thread(#[from] io::Error),
    /// A file could not be written.
    #[error("{}: the picture could not be written", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
