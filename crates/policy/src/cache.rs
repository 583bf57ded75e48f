//! The user's cache directory.

use std::{
    env,
    path::{self, PathBuf},
};

use directories::ProjectDirs;

/// The variable that names another cache directory.
const VARIABLE: &str = "PARAPOLICY_CACHE";

/// `PARAPOLICY_CACHE`, or the system's place for caches (`~/.cache/parapolicy` on Linux). `None` for a user without a
/// home, and for a relative path where there is no current directory.
pub fn cache_directory() -> Option<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        // The library's loader would look for a relative path in other places.
        return path::absolute(&path).ok();
    }
    Some(ProjectDirs::from("", "", "parapolicy")?.cache_dir().to_path_buf())
}
