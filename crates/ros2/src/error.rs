//! Why there is no node, and why a message is not taken.

use std::path::PathBuf;

use parapolicy_control::controller::ControllerError;

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ros2Error {
    /// The file of the map cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not TOML, or has other fields.
    #[error("{}: {error}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: String,
    },
    /// A field of it is wrong, or does not fit the policy.
    #[error("{}: {field}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, by its way through the tables.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `ROS_DOMAIN_ID` is no domain.
    #[error("ROS_DOMAIN_ID is `{0}`, but must be a number from 0 to 232")]
    Domain(String),
    /// The network cannot be used, or a topic cannot be had.
    #[error("the node cannot be opened: {0}")]
    Open(String),
    /// What waits for messages fails.
    #[error("messages cannot be waited for: {0}")]
    Poll(#[from] std::io::Error),
    /// The controller cannot be started.
    #[error(transparent)]
    Controller(#[from] ControllerError),
}

/// Why a message is not taken. What came before it stays in force until it is stale.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its bytes are not those of a message of this type.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Its stamp is no time.
    #[error("its stamp, {sec} s and {nanosec} ns, is no time")]
    Stamp {
        /// Seconds.
        sec: i32,
        /// Nanoseconds.
        nanosec: u32,
    },
    /// A joint is missing.
    #[error("it has no joint `{joint}`; it has {found}")]
    Joint {
        /// The joint.
        joint: String,
        /// Those that it has.
        found: String,
    },
    /// It has fewer or more numbers than it must have.
    #[error("{field} has {found} values, but must have {expected}")]
    Length {
        /// The field.
        field: &'static str,
        /// Values in it.
        found: usize,
        /// Values that it must have.
        expected: String,
    },
    /// A number is NaN or infinite.
    #[error("{field} has {value}, but must be finite")]
    NotFinite {
        /// The field.
        field: &'static str,
        /// The number.
        value: f64,
    },
    /// An image of another size.
    #[error("the image is {}, but must be {}", sizes(*found), sizes(*expected))]
    Size {
        /// Height and width.
        found: [usize; 2],
        /// Those of the entry.
        expected: [usize; 2],
    },
    /// An image whose pixels are something else.
    #[error("the encoding is `{found}`, but must be {expected}")]
    Encoding {
        /// Its encoding.
        found: String,
        /// Those that fit.
        expected: &'static str,
    },
}

fn sizes([height, width]: [usize; 2]) -> String {
    format!("{width} wide and {height} high")
}
