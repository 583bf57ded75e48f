//! Progress of an installation, to show to the user.

/// Receives the progress of an installation, to show it to the user. `()` shows nothing.
pub trait InstallObserver {
    /// An installation enters a stage.
    fn stage(&self, stage: InstallStage);

    /// `bytes` of `total` are done in the stage [`Downloading`](InstallStage::Downloading).
    fn progress(&self, bytes: u64, total: u64);

    /// Whether the installation is to be given up; it is asked several times a second.
    fn cancels(&self) -> bool {
        false
    }
}

impl InstallObserver for () {
    fn stage(&self, _: InstallStage) {}

    fn progress(&self, _: u64, _: u64) {}
}

/// The stages of an installation, in order; with several packages, the package stages repeat for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallStage {
    /// Another process is installing: this one waits for it, and goes on if that fails.
    Waiting,
    /// A package is downloaded.
    Downloading,
    /// Its checksum is computed.
    Verifying,
    /// Its shared libraries are unpacked.
    Unpacking,
    /// The shared libraries are where they belong.
    Done,
}
