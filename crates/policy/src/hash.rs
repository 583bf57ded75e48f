//! Checksums.

use std::{
    io::{self, Read},
    path::Path,
};

use sha2::{Digest as _, Sha256};

/// SHA-256 of a regular file, in lower-case hexadecimal.
///
/// # Errors
/// A file that cannot be read, or that is a pipe or a device.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    sha256_from(parapolicy_files::open(path)?)
}

/// SHA-256 of all that a reader has.
pub(crate) fn sha256_from(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hexadecimal(hasher)),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// SHA-256 of bytes that come one after the other.
pub(crate) fn sha256_of_all(bytes: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hasher = Sha256::new();
    bytes.into_iter().for_each(|bytes| hasher.update(bytes));
    hexadecimal(hasher)
}

/// SHA-256 of a text or of bytes, in lower-case hexadecimal.
pub fn sha256(content: impl AsRef<[u8]>) -> String {
    hexadecimal(Sha256::new_with_prefix(content))
}

fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
