//! Why there is no setting to take.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use parapolicy_policy::BackendName;
use thiserror::Error;

/// Why `tuned` has no setting to take, or what was measured cannot be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TunedError {
    /// The text is no duration.
    #[error("tuned: `{0}` is no time; give one like 20ms")]
    Time(String),
    /// Another option says how plans are drawn, too.
    #[error("tuned: it says how plans are drawn; leave `{0}` out")]
    Conflict(&'static str),
    /// The user has no cache directory.
    #[error("no cache directory to keep tuned settings in: set PARAPOLICY_CACHE to a directory, or HOME")]
    NoCache,
    /// The provider is not installed, so that its version is not known.
    #[error("tuned: the provider {0} is not installed here, so nothing was measured with it")]
    NotInstalled(BackendName),
    /// Nothing was measured of this policy on this machine.
    #[error("tuned: nothing was measured of this policy with the provider {provider} here ({} is not there): run `parapolicy tune` with it first", path.display())]
    Missing {
        /// The provider.
        provider: String,
        /// Where it would be kept.
        path: PathBuf,
    },
    /// What was measured is of something else.
    #[error("{}: `{field}` is {found}, but here it is {expected}: run `parapolicy tune` again", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The field, as a path from the root.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it would have to say.
        expected: String,
    },
    /// No setting of this precision and as many threads may be taken.
    #[error(
        "tuned: no setting with {wanted} may be taken; what was measured has {threads} threads in {precisions}: leave threads and precision out, or run `parapolicy tune` with them"
    )]
    NotMeasured {
        /// What was asked for.
        wanted: String,
        /// Numbers of threads that were measured.
        threads: String,
        /// Precisions that were measured.
        precisions: String,
    },
    /// No setting is fast enough.
    #[error("tuned: no setting draws 95 % of its plans within {}; the fastest that is not worse than the reference is {fastest}: {p95_ms:.1} ms", humantime::format_duration(*within))]
    Slower {
        /// The time that was asked for.
        within: Duration,
        /// The fastest.
        fastest: String,
        /// In which 95 % of its plans were drawn, in milliseconds.
        p95_ms: f64,
    },
    /// The file cannot be read or written.
    #[error("{}: cannot be {action}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The file is damaged.
    #[error("{}: {problem}: run `parapolicy tune` again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
