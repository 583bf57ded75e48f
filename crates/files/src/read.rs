//! Files that others wrote, read whole: regular ones only, up to a stated size.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The first bytes of a text in UTF-8, as some editors on Windows write it.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a regular file, links followed. A pipe would make the reader wait for ever, and a device may never end.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if it is something else; or it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    ensure_regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Something else may have come in its place meanwhile.
    ensure_regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file of at most `limit` bytes, to be read from its beginning, and says how many it has.
///
/// # Errors
/// As for [`read`].
pub fn open_up_to(path: &Path, limit: u64) -> io::Result<(File, usize)> {
    let file = open(path)?;
    let len = file.metadata()?.len();
    match usize::try_from(len) {
        Ok(whole) if len <= limit => Ok((file, whole)),
        _ => Err(too_large(limit)),
    }
}

/// Reads a regular file of at most `limit` bytes. Memory is taken for what there is, whatever the file's size claims.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for a larger one, [`io::ErrorKind::InvalidInput`] for what is no regular file; or it
/// cannot be read.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.bin");
/// std::fs::write(&path, [1, 2, 3])?;
/// assert_eq!(parapolicy_files::read(&path, 3)?, [1, 2, 3]);
/// assert_eq!(parapolicy_files::read(&path, 2).unwrap_err().to_string(), "it has more than 2 bytes");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::new();
    // Refused before the first byte is read; files that grow, or whose size is not known, below.
    if len <= limit {
        bytes.try_reserve_exact(usize::try_from(len).unwrap_or(usize::MAX))?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if len.max(bytes.len() as u64) > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"))
}

/// Reads a regular file of at most `limit` bytes as text in UTF-8, without the mark that may precede it.
///
/// # Errors
/// Those of [`read`] and of [`text`].
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read(path, limit)?)
}

/// Bytes as text in UTF-8, without the byte order mark that may precede it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`], which names the encoding if a mark does.
///
/// ```
/// assert_eq!(parapolicy_files::text(b"\xef\xbb\xbf{}".to_vec())?, "{}");
/// let utf16 = parapolicy_files::text(b"\xff\xfe{\0}\0".to_vec()).unwrap_err();
/// assert_eq!(utf16.to_string(), "it is text in UTF-16: save it as UTF-8");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn text(mut bytes: Vec<u8>) -> io::Result<String> {
    let refused = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    // That of UTF-32 begins as that of UTF-16 does.
    for (mark, name) in [
        (&b"\xff\xfe\0\0"[..], "UTF-32"),
        (b"\0\0\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ] {
        if bytes.starts_with(mark) {
            return Err(refused(format!("it is text in {name}: save it as UTF-8")));
        }
    }
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    String::from_utf8(bytes)
        .map_err(|error| refused(format!("it is not text in UTF-8 (byte {})", error.utf8_error().valid_up_to())))
}

fn ensure_regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        let problem = "it is a pipe or a device: a regular file is needed";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), 10).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(read(&folder.path().join("none"), 10).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&link, &pipe] {
            let error = read(path, 10).unwrap_err();
            assert_eq!(error.to_string(), "it is a pipe or a device: a regular file is needed");
        }
    }

    /// A sparse file claims any size, and costs its maker nothing.
    #[test]
    fn a_size_that_is_only_claimed_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(open_up_to(&path, 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(open_up_to(&path, 1 << 40).unwrap().1, 1 << 40);
    }

    #[test]
    fn marks_are_understood_or_named() {
        for (bytes, expected) in [
            (&b"a"[..], "a"),
            (b"\xef\xbb\xbf", ""),
            (b"\xfe\xff\0a", "it is text in UTF-16: save it as UTF-8"),
            (b"\xff\xfe\0\0a\0\0\0", "it is text in UTF-32: save it as UTF-8"),
            (b"ab\xff", "it is not text in UTF-8 (byte 2)"),
        ] {
            assert_eq!(text(bytes.to_vec()).unwrap_or_else(|error| error.to_string()), expected, "{bytes:?}");
        }
    }
}
