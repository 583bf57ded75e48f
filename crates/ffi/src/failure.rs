//! What went wrong, as a status with a message.

use std::cell::RefCell;
use std::ffi::c_char;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use parapolicy_control::RecipeError;
use parapolicy_control::controller::ControllerError;
use parapolicy_eval::FastestError;
use parapolicy_policy::{EntryError, InferenceError, ManifestError, PolicyError};
use thiserror::Error;

/// What a call came to. Values are never given another meaning; later versions may add some.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyStatus {
    /// It did what it says.
    Ok = 0,
    /// A pointer that must point to something is null.
    Null = 1,
    /// A text or a field has a value that makes no sense.
    Argument = 2,
    /// An array has another length than the policy asks for.
    Length = 3,
    /// An observation holds NaN or infinity; it was not taken.
    NotFinite = 4,
    /// `size` of a struct is not that of any version this library knows.
    Version = 5,
    /// The policy cannot be loaded: no such directory, a wrong manifest or graph.
    Policy = 6,
    /// ONNX Runtime cannot be found, installed or loaded.
    Runtime = 7,
    /// The network failed while a plan was drawn.
    Sampling = 8,
    /// Another thread is in a call on the same handle; this call did nothing.
    Busy = 9,
    /// The controller was stopped.
    Stopped = 10,
    /// A defect in this library: a panic was caught. The handle may go on being used.
    Panic = 11,
    /// The operating system refused something: a thread, or a file to log to.
    System = 12,
}

/// An error on its way out.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("`{0}` is null")]
    Null(&'static str),
    #[error("`{name}` is not UTF-8")]
    Text { name: &'static str },
    #[error("`{name}` is {found}, which is none of its values")]
    Choice { name: &'static str, found: u32 },
    #[error("`{name}` has {found} values, but must have {expected}")]
    Length { name: &'static str, found: usize, expected: usize },
    #[error("`{name}`: its size is {found}, but this library knows {least} to {most}: use its own header")]
    Version { name: &'static str, found: usize, least: usize, most: usize },
    #[error("`devices`: \"{found}\" is not the number of a device")]
    Devices { found: String },
    #[error("`scale` must be finite")]
    Scale,
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("`plans` is 0, but must be at least 1")]
    NoPlans,
    #[error("`plans` is more than can be counted")]
    TooManyPlans,
    #[error("`seed`: {plans} plans from {seed} on go beyond the largest seed")]
    Seeds { plans: usize, seed: u64 },
    #[error(
        "`initial_noise` and `step_noise` are of one plan, but `plans` says that several are drawn: by their seeds"
    )]
    NoiseOfOne,
    #[error(transparent)]
    Noise(#[from] parapolicy_sampler::NoiseError),
    #[error("another thread is in a call on this controller")]
    Busy,
    #[error("the controller was stopped")]
    Stopped,
    #[error("the worker is still drawing a plan; its thread ends when it is done")]
    StillPlanning,
    #[error("{what}, which this library was built without: build it with the feature `{feature}`")]
    LeftOut { what: &'static str, feature: &'static str },
    #[error(transparent)]
    Recipe(RecipeError),
    #[error(transparent)]
    Fastest(FastestError),
    #[error(transparent)]
    Observation(#[from] PolicyError),
    #[error(transparent)]
    Sampling(#[from] parapolicy_sampler::SampleError),
    #[error(transparent)]
    Controller(#[from] ControllerError),
    #[cfg(feature = "log")]
    #[error(transparent)]
    Log(#[from] parapolicy_log::LogError),
}

impl From<FastestError> for Failure {
    fn from(error: FastestError) -> Self {
        match error {
            FastestError::Recipe(error) => error.into(),
            error => Self::Fastest(error),
        }
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        match error {
            // Where ONNX Runtime is built in, it runs encoders, whatever the provider.
            RecipeError::Policy(PolicyError::NoEncoder { .. }) => {
                Self::LeftOut { what: "the policy's encoder asks for ONNX Runtime", feature: "ort" }
            }
            error => Self::Recipe(error),
        }
    }
}

impl Failure {
    fn status(&self) -> ParapolicyStatus {
        use ParapolicyStatus as Status;
        match self {
            Self::Null(_) => Status::Null,
            Self::Length { .. }
            | Self::Entry(EntryError::Length { .. } | EntryError::Strides { .. })
            | Self::Controller(
                ControllerError::Length { .. }
                | ControllerError::Entry(EntryError::Length { .. } | EntryError::Strides { .. }),
            ) => Status::Length,
            Self::Controller(
                ControllerError::NotFinite { .. } | ControllerError::Entry(EntryError::NotFinite { .. }),
            )
            | Self::Observation(_)
            | Self::Noise(_) => Status::NotFinite,
            Self::Controller(ControllerError::Thread(_)) => Status::System,
            #[cfg(feature = "log")]
            Self::Log(_) => Status::System,
            Self::Recipe(
                RecipeError::Inference(InferenceError::Unavailable(_))
                | RecipeError::Policy(PolicyError::Encoder { source: InferenceError::Unavailable(_), .. }),
            ) => Status::Runtime,
            Self::Text { .. }
            | Self::Choice { .. }
            | Self::LeftOut { .. }
            | Self::NoPlans
            | Self::TooManyPlans
            | Self::Scale
            | Self::Entry(_)
            | Self::Devices { .. }
            | Self::Seeds { .. }
            | Self::NoiseOfOne
            | Self::Recipe(
                RecipeError::Config(_)
                | RecipeError::Inference(_)
                | RecipeError::Precision(_)
                | RecipeError::Tuned(_)
                | RecipeError::Within(_)
                | RecipeError::TwoTolerances
                | RecipeError::Policy(PolicyError::Task(_))
                | RecipeError::Timesteps(_)
                | RecipeError::Seconds { .. },
            )
            | Self::Controller(_) => Status::Argument,
            Self::Version { .. } => Status::Version,
            Self::Busy | Self::StillPlanning => Status::Busy,
            Self::Stopped => Status::Stopped,
            Self::Recipe(_) | Self::Manifest(_) => Status::Policy,
            Self::Sampling(_) | Self::Fastest(_) => Status::Sampling,
        }
    }
}

/// Bytes of a message, the closing zero included; what is longer is cut.
const MESSAGE: usize = 1024;

thread_local! {
    /// What went wrong last in this thread. It lies here, so that failing allocates nothing, either.
    static LAST: RefCell<Text<MESSAGE>> = const { RefCell::new(Text::new()) };
}

/// Text of bounded length, closed by a zero, in memory of its own.
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// Replaces the text by an error's, its causes included.
    pub fn write_error(&mut self, error: &dyn std::error::Error) {
        (self.bytes, self.len) = ([0; N], 0);
        // What does not fit is left out: writing stops.
        let _cut = write!(self, "{error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            let _cut = write!(self, ": {error}");
            cause = error.source();
        }
    }

    /// As C reads it.
    pub fn chars(&self) -> [c_char; N] {
        self.bytes.map(|byte| byte as c_char)
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = N - 1 - self.len;
        let fits = text.floor_char_boundary(room);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Runs the body of a function that C calls: whatever becomes of it, a status comes back.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> ParapolicyStatus {
    // Whatever the body shares with later calls is whole after a panic: handles say why.
    let told = || match body() {
        Ok(()) => ParapolicyStatus::Ok,
        Err(failure) => {
            // An error of others may panic when it is shown, or dropped.
            remember(&failure);
            failure.status()
        }
    };
    catch_unwind(AssertUnwindSafe(told)).unwrap_or_else(|payload| {
        // The panic hook has told it. What it was thrown with may panic in turn when it is dropped, and so may that.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(another);
        }
        remember(&Panicked);
        ParapolicyStatus::Panic
    })
}

#[derive(Debug, Error)]
#[error("a panic was caught: a defect in this library; what it said went to the standard error stream")]
struct Panicked;

fn remember(error: &dyn std::error::Error) {
    LAST.with_borrow_mut(|last| last.write_error(error));
}

/// What went wrong in this thread's last call that failed: text in UTF-8, empty if none did. Valid until another call
/// fails in this thread, or the thread ends. Never null.
///
/// Any thread; wait-free.
#[unsafe(no_mangle)]
pub extern "C" fn parapolicy_last_error() -> *const c_char {
    // The bytes are never written beyond the closing zero, and live as long as the thread.
    LAST.with_borrow(|last| last.bytes.as_ptr().cast())
}

/// Version of the library, "1.2.3". Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn parapolicy_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
