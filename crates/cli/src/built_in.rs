//! The policies inside the program, for who runs it elsewhere than in its repository.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use parapolicy_policy::{MANIFEST_FILE, cache_directory, sha256};
use thiserror::Error;

/// A policy of the repository.
struct BuiltIn {
    /// Its folder there, which it is asked for by.
    folder: &'static str,
    manifest: &'static [u8],
    denoiser: &'static [u8],
}

/// Those that are taken by default.
const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        folder: "models/pusht",
        manifest: include_bytes!("../../../models/pusht/policy.json"),
        denoiser: include_bytes!("../../../models/pusht/denoiser.onnx"),
    },
    BuiltIn {
        folder: "models/arm",
        manifest: include_bytes!("../../../models/arm/policy.json"),
        denoiser: include_bytes!("../../../models/arm/denoiser.onnx"),
    },
];

/// The file name that the manifests give their graph.
const DENOISER_FILE: &str = "denoiser.onnx";

/// A policy that is inside the program and cannot be put where it can be read.
#[derive(Debug, Error)]
pub enum BuiltInError {
    /// There is nowhere to put it.
    #[error(
        "there is no such folder here, and no cache directory to unpack the program's own into: name one by PARAPOLICY_CACHE"
    )]
    NoCache,
    /// The cache directory cannot be written to.
    #[error("there is no such folder here, and the program's own cannot be unpacked to {}: {error}", folder.display())]
    Unpack {
        /// Where it would be.
        folder: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// The folder that is meant: the one that was given; or, where it is not there and is one of the repository's by name, the
/// program's own, unpacked.
pub fn folder(given: PathBuf) -> Result<PathBuf, BuiltInError> {
    match BUILT_IN.iter().find(|policy| !given.exists() && given == Path::new(policy.folder)) {
        Some(policy) => policy.unpacked(),
        None => Ok(given),
    }
}

impl BuiltIn {
    /// Where its files lie in the cache directory; they are put there unless they are there already.
    fn unpacked(&self) -> Result<PathBuf, BuiltInError> {
        let cache = cache_directory().ok_or(BuiltInError::NoCache)?;
        // Another program may have another policy; the manifest has its graph's checksum.
        let version = &sha256(self.manifest)[..16];
        let folder = cache.join(self.folder).join(version);
        let files = [(MANIFEST_FILE, self.manifest), (DENOISER_FILE, self.denoiser)];
        let unpack = || {
            fs::create_dir_all(&folder)?;
            files.iter().try_for_each(|(name, bytes)| put(&folder.join(name), bytes))
        };
        unpack().map_err(|error| BuiltInError::Unpack { folder: folder.clone(), error })?;
        Ok(folder)
    }
}

/// Writes the file unless it has this content.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match parapolicy_files::read(path, bytes.len() as u64) {
        Ok(found) if found == bytes => Ok(()),
        _ => parapolicy_files::replace(path, |file| file.write_all(bytes)),
    }
}
