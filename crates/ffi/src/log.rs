//! The log of a controller; a build without the feature `log` refuses to write one.

#[cfg(not(feature = "log"))]
mod left_out;
#[cfg(feature = "log")]
mod written;

#[cfg(not(feature = "log"))]
pub use self::left_out::{Log, finish, start};
#[cfg(feature = "log")]
pub use self::written::{Log, finish, start};
