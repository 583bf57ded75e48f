//! Reads arrays from untrusted `.npz` archives, and validates every header before use.
//!
//! Of the format, what NumPy's own `savez` writes of numbers is read: `f64`, `f32` and `i64` in little-endian bytes, in either
//! order of the axes. Sizes that a header claims are checked against each other, against the largest array that is read
//! and against what the archive can hold before anything is allocated; numbers take memory as they come.
//!
//! # Example
//!
//! ```
//! use ndarray::{Ix2, array};
//! use ndarray_npy::NpzWriter;
//! use parapolicy_npz::Npz;
//!
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! let mut writer = NpzWriter::new(std::fs::File::create(&path)?);
//! writer.add_array("state", &array![[1.5f32, 2.5]])?;
//! writer.finish()?;
//!
//! let mut npz = Npz::open(&path)?;
//! assert_eq!(npz.numbers::<Ix2>("state")?, array![[1.5, 2.5]]);
//! assert!(!npz.contains("action"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod header;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ndarray::{Array, Dimension, IxDyn, ShapeBuilder as _};
use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use self::header::Header;

/// The largest array that is read, bytes as f64: a small archive can unpack to any size.
pub const LARGEST_ARRAY: u64 = 1 << 30;

/// Deflated bytes unpack to so many times their number at most, about 1032
/// (<https://zlib.net/zlib_tech.html>).
const MOST_UNPACKED: u64 = 1100;

/// Bytes that are unpacked at once.
const PIECE: usize = 1 << 16;

/// Why an archive or an array cannot be read. Every message names the file, and the array where there is one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NpzError {
    /// The file cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not an archive, or cut short.
    #[error("{} is not a readable .npz archive ({source}): write it with numpy.savez", path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ZipError,
    },
    /// The archive has no array of that name.
    #[error("{}: there is no array `{array}`", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Which array.
        array: String,
    },
    /// An array is not what it should be.
    #[error("{}: array `{array}` {problem}", path.display())]
    Array {
        /// Which file.
        path: PathBuf,
        /// Which array.
        array: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// An `.npz` archive.
///
/// ```
/// use ndarray::{Ix2, array};
/// use ndarray_npy::NpzWriter;
/// use parapolicy_npz::Npz;
///
/// # let path = tempfile::NamedTempFile::new()?.into_temp_path();
/// let mut writer = NpzWriter::new(std::fs::File::create(&path)?);
/// writer.add_array("state", &array![[1.5f32, 2.5]])?;
/// writer.finish()?;
///
/// let mut npz = Npz::open(&path)?;
/// assert_eq!(npz.numbers::<Ix2>("state")?, array![[1.5, 2.5]]);
/// assert!(!npz.contains("action"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
}

impl Npz {
    /// Opens an archive.
    ///
    /// # Errors
    /// A file that cannot be opened, is no regular file, or is no archive.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let file = parapolicy_files::open(path).map_err(|source| NpzError::Open { path: path.into(), source })?;
        let archive = ZipArchive::new(BufReader::new(file));
        let archive = archive.map_err(|source| NpzError::Archive { path: path.into(), source })?;
        Ok(Self { path: path.into(), archive })
    }

    /// Whether there is an array of that name.
    pub fn contains(&self, array: &str) -> bool {
        self.archive.index_for_name(&entry(array)).is_some()
    }

    /// The array of that name as f64; it may be of type f64, f32 or i64 in the file.
    ///
    /// # Errors
    /// An array that is missing, damaged, of another type or number of dimensions, or larger than [`LARGEST_ARRAY`].
    pub fn numbers<D: Dimension>(&mut self, array: &str) -> Result<Array<f64, D>, NpzError> {
        let file = match self.archive.by_name(&entry(array)) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => {
                return Err(NpzError::Missing { path: self.path.clone(), array: array.into() });
            }
            Err(source) => return Err(NpzError::Archive { path: self.path.clone(), source }),
        };
        let room = file.compressed_size().saturating_mul(MOST_UNPACKED);
        decode(file, room).map_err(|problem| self.invalid(array, problem))
    }

    /// An error that names the file and the array.
    pub fn invalid(&self, array: &str, problem: impl Into<String>) -> NpzError {
        NpzError::Array { path: self.path.clone(), array: array.into(), problem: problem.into() }
    }
}

/// The name of an array's file in the archive.
fn entry(array: &str) -> String {
    format!("{array}.npy")
}

/// An `.npy` file of one of the accepted types, as f64. It has `room` bytes at most.
fn decode<D: Dimension>(mut file: impl Read, room: u64) -> Result<Array<f64, D>, String> {
    let header = Header::read(&mut file)?;
    let Header { descr, fortran_order, shape } = &header;
    if D::NDIM.is_some_and(|expected| expected != shape.len()) {
        let expected = D::NDIM.unwrap_or_default();
        return Err(format!("has {} dimensions, but must have {expected}", shape.len()));
    }
    let count = header.count().filter(|&count| count as u64 <= LARGEST_ARRAY / size_of::<f64>() as u64);
    let count = count.ok_or_else(|| format!("has shape {shape:?}, which is more than {LARGEST_ARRAY} bytes"))?;
    let numbers = match descr.as_str() {
        "<f8" => numbers(&mut file, count, room, f64::from_le_bytes),
        "<f4" => numbers(&mut file, count, room, |bytes| f64::from(f32::from_le_bytes(bytes))),
        "<i8" => numbers(&mut file, count, room, |bytes| i64::from_le_bytes(bytes) as f64),
        _ => Err(format!("is of type {descr:?}, but must be of type f64, f32 or i64")),
    }?;
    // The rest may be of any size, so no more than one byte is looked for.
    match file.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => return Err(format!("has more bytes than its shape {shape:?} says")),
        Err(error) => return Err(format!("cannot be unpacked ({error})")),
    }
    let numbers = Array::from_shape_vec(IxDyn(shape).set_f(*fortran_order), numbers);
    let numbers = numbers.map_err(|error| format!("has shape {shape:?} ({error})"))?;
    numbers.into_dimensionality().map_err(|error| format!("has shape {shape:?} ({error})"))
}

/// `count` numbers of `N` bytes each.
fn numbers<const N: usize>(
    file: &mut impl Read,
    count: usize,
    room: u64,
    number: impl Fn([u8; N]) -> f64,
) -> Result<Vec<f64>, String> {
    let claimed = count as u64 * N as u64;
    if claimed > room {
        return Err(format!("claims {claimed} bytes, which its archive cannot hold"));
    }
    let mut numbers = Vec::new();
    let mut piece = vec![0; PIECE.min(claimed as usize)];
    while numbers.len() < count {
        let bytes = piece.len().min((count - numbers.len()) * N);
        let bytes = &mut piece[..bytes];
        file.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => format!("has fewer than the {claimed} bytes that its shape says"),
            _ => format!("cannot be unpacked ({error})"),
        })?;
        numbers.extend(bytes.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use ndarray::{Array1, Array2, Ix1, Ix2, array};
    use ndarray_npy::NpzWriter;
    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// An archive with the array `state` as these bytes.
    fn with_state(npy: &[u8]) -> tempfile::TempPath {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        archive.start_file("state.npy", SimpleFileOptions::default()).unwrap();
        archive.write_all(npy).unwrap();
        archive.finish().unwrap();
        path
    }

    /// A header that claims this shape, and a few bytes.
    fn claiming(shape: &str) -> Vec<u8> {
        let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &[0; 80]].concat()
    }

    fn refused(path: &Path) -> String {
        Npz::open(path).unwrap().numbers::<Ix2>("state").unwrap_err().to_string()
    }

    #[test]
    fn every_accepted_type_is_read() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut npz = NpzWriter::new_compressed(File::create(&path).unwrap());
        npz.add_array("double", &array![1.5f64]).unwrap();
        npz.add_array("single", &array![1.5f32]).unwrap();
        npz.add_array("whole", &array![2i64]).unwrap();
        npz.add_array("flag", &array![true]).unwrap();
        npz.finish().unwrap();
        let mut npz = Npz::open(&path).unwrap();
        assert_eq!(npz.numbers::<Ix1>("double").unwrap(), array![1.5]);
        assert_eq!(npz.numbers::<Ix1>("single").unwrap(), array![1.5]);
        assert_eq!(npz.numbers::<Ix1>("whole").unwrap(), array![2.0]);
        assert!(
            npz.numbers::<Ix1>("flag")
                .unwrap_err()
                .to_string()
                .ends_with("is of type \"|b1\", but must be of type f64, f32 or i64")
        );
        let two = npz.numbers::<Ix2>("double").unwrap_err().to_string();
        assert!(two.ends_with("array `double` has 1 dimensions, but must have 2"), "{two}");
        assert!(npz.numbers::<Ix1>("none").unwrap_err().to_string().ends_with("there is no array `none`"));
    }

    #[test]
    fn an_array_in_column_order_is_read() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        let array = Array2::from_shape_fn((3, 2), |(row, column)| (10 * row + column) as f64);
        npz.add_array("state", &array.t()).unwrap();
        npz.finish().unwrap();
        assert_eq!(Npz::open(&path).unwrap().numbers::<Ix2>("state").unwrap(), array.t());
    }

    #[test]
    fn a_size_that_is_only_claimed_is_refused() {
        for (shape, problem) in [
            ("(1000000000000, 5)", "has shape [1000000000000, 5], which is more than 1073741824 bytes"),
            ("(1099511627776, 1099511627776)", "which is more than 1073741824 bytes"),
            ("(1099511627776, 0)", "has more bytes than its shape"),
            ("(30000, 100)", "claims 24000000 bytes, which its archive cannot hold"),
            ("(3, 5)", "has fewer than the 120 bytes that its shape says"),
            ("(3, 3)", "has more bytes than its shape [3, 3] says"),
            ("(3,)", "has 1 dimensions, but must have 2"),
        ] {
            let error = refused(&with_state(&claiming(shape)));
            assert!(error.contains("array `state` ") && error.contains(problem), "{shape}: {error}");
        }
    }

    /// What follows the numbers is never unpacked.
    #[test]
    fn a_bomb_is_refused_before_it_goes_off() {
        let path = with_state(&[&claiming("(2, 5)")[..], &vec![0; 100 << 20]].concat());
        assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
        let mut npz = Npz::open(&path).unwrap();
        let used = allocation_counter::measure(|| {
            let error = npz.numbers::<Ix2>("state").unwrap_err().to_string();
            assert!(error.ends_with("has more bytes than its shape [2, 5] says"), "{error}");
        });
        assert!(used.bytes_max < 1 << 20, "{used:?}");
    }

    #[test]
    fn types_that_are_not_read_are_named() {
        for descr in [">f8", "|O", "<c16", "|V8", "<f2"] {
            let npy = String::from_utf8_lossy(&claiming("(2, 5)")).replace("<f8", descr);
            // The magic is no text.
            let npy = [&claiming("(2, 5)")[..10], &npy.as_bytes()[npy.find('{').unwrap()..]].concat();
            let error = refused(&with_state(&npy));
            assert!(error.contains(&format!("is of type {descr:?}")) || error.contains("header"), "{error}");
        }
    }

    #[test]
    fn files_that_are_no_archives_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "no archive").unwrap();
        assert!(Npz::open(file.path()).unwrap_err().to_string().contains("is not a readable .npz archive"));
        let missing = Npz::open(Path::new("nowhere.npz")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot open nowhere.npz: "), "{missing}");
    }

    proptest! {
        /// Whatever is cut off or overwritten: an error or an array, no panic.
        #[test]
        fn damaged_archives_do_not_panic(cut in 0usize..400, at in 0usize..400, byte: u8) {
            let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
            let mut npz = NpzWriter::new(File::create(&path).unwrap());
            npz.add_array("state", &Array1::<f64>::zeros(12)).unwrap();
            npz.finish().unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(length - cut % length);
            std::fs::write(&path, bytes).unwrap();
            if let Ok(mut npz) = Npz::open(&path) {
                let _ = npz.numbers::<Ix1>("state");
            }
        }
    }
}
