//! Constants that were left in the graph's file, to be read when they are needed.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crc32fast::Hasher;
use prost::{Message, bytes::Bytes};

/// Bytes from which on a constant is left in the file.
pub(crate) const LARGE: u64 = 1 << 20;

/// Where a constant's numbers lie in the file that its graph was read from. No field of ONNX's: a file that has it is refused.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Left {
    /// First byte.
    #[prost(uint64, tag = "1")]
    pub at: u64,
    /// How many bytes.
    #[prost(uint64, tag = "2")]
    pub len: u64,
    /// Their CRC-32, from when the graph was read.
    #[prost(uint32, tag = "3")]
    pub sum: u32,
}

impl Left {
    /// What the sum is made with.
    pub(crate) fn sum() -> Hasher {
        Hasher::new()
    }
}

/// The file that a graph was read from. Constants that were left in it are read when they are needed, wherever that is: what went
/// wrong is told at the end, by [`check`](Self::check).
#[derive(Debug)]
pub struct LeftIn {
    file: Mutex<File>,
    failure: OnceLock<io::Error>,
}

impl LeftIn {
    pub(crate) fn new(file: File) -> Self {
        Self { file: Mutex::new(file), failure: OnceLock::new() }
    }

    /// Whether all constants that were needed until now could be read, and were what they were when the graph was.
    ///
    /// # Errors
    /// What the system said of the first one that was not; or that the file has changed.
    pub fn check(&self) -> io::Result<()> {
        self.failure.get().map_or(Ok(()), |error| Err(io::Error::new(error.kind(), error.to_string())))
    }

    /// The bytes; zeros if they cannot be had.
    fn bytes(&self, left: &Left) -> Bytes {
        self.read(left).unwrap_or_else(|error| {
            let _first = self.failure.set(error);
            // Not more than the file had.
            vec![0; left.len as usize].into()
        })
    }

    fn read(&self, left: &Left) -> io::Result<Bytes> {
        let mut bytes = vec![0; left.len as usize];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(left.at))?;
            file.read_exact(&mut bytes)?;
        }
        let mut sum = Left::sum();
        sum.update(&bytes);
        if sum.finalize() == left.sum {
            Ok(bytes.into())
        } else {
            Err(io::Error::other("it was changed while it was loaded"))
        }
    }
}

/// A constant that was left in its file. It is read once, and freed with the last that refers to it.
#[derive(Debug)]
pub(crate) struct LeftConstant {
    file: Arc<LeftIn>,
    left: Left,
    bytes: OnceLock<Bytes>,
}

impl LeftConstant {
    pub fn new(file: Arc<LeftIn>, left: Left) -> Self {
        Self { file, left, bytes: OnceLock::new() }
    }

    pub fn len(&self) -> usize {
        self.left.len as usize
    }

    pub fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| self.file.bytes(&self.left))
    }
}
