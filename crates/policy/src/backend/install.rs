//! Installations, as they are shown to a user.

/// Hears how an installation goes, to show it to the user. `()` shows nothing.
pub trait InstallObserver {
    /// An installation enters a stage.
    fn stage(&self, stage: InstallStage);

    /// `bytes` of `total` are done in the stage [`Downloading`](InstallStage::Downloading).
    fn progress(&self, bytes: u64, total: u64);
}

impl InstallObserver for () {
    fn stage(&self, _: InstallStage) {}

    fn progress(&self, _: u64, _: u64) {}
}

/// The stages of an installation, in order; those of a package come again for each.
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
