//! The user's cache directory.

use std::{
    env,
    path::{self, Path, PathBuf},
};

use directories::ProjectDirs;

use super::RuntimeError;

/// The variable that names another cache directory.
const VARIABLE: &str = "PARAPOLICY_CACHE";

/// `PARAPOLICY_CACHE`, or the system's place for caches (`~/.cache/parapolicy` on Linux).
pub(super) fn directory() -> Result<PathBuf, RuntimeError> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        // The library's loader would look for a relative path in other places.
        return path::absolute(&path).map_err(RuntimeError::file("found", Path::new(&path)));
    }
    let dirs = ProjectDirs::from("", "", "parapolicy").ok_or(RuntimeError::NoCache)?;
    Ok(dirs.cache_dir().to_path_buf())
}
