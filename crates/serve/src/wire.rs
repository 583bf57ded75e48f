//! Messages: MessagePack maps with NumPy's arrays, as `openpi_client.msgpack_numpy` packs them.
//!
//! What strangers send is read in place. Nothing is allocated by what a message claims: lengths are held against the bytes that
//! there are, and depth is limited.

mod array;
mod reader;
mod reply;
mod request;
mod writer;

pub(crate) use self::array::{Array, Value};
pub use self::reader::WireError;
pub(crate) use self::reply::{Reply, metadata};
pub(crate) use self::request::{Options, read, read_reply};
pub(crate) use self::writer::Writer;
