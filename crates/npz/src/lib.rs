//! Reads arrays from untrusted `.npz` archives, and validates every header before use.
//!
//! `ndarray-npy` reads the format; sizes that a header claims are checked against the bytes present before anything is
//! allocated.
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

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use ndarray::{Array, ArrayView, Dimension};
use ndarray_npy::{ViewElement, ViewNpyError, ViewNpyExt};
use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

/// The largest array that is read, bytes: a small archive can unpack to any size.
pub const LARGEST_ARRAY: u64 = 1 << 30;

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
    /// A file that cannot be opened, or that is no archive.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let file = File::open(path).map_err(|source| NpzError::Open { path: path.into(), source })?;
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
        let npy = self.read(array)?;
        decode(&npy).map_err(|problem| self.invalid(array, problem))
    }

    /// An error that names the file and the array.
    pub fn invalid(&self, array: &str, problem: impl Into<String>) -> NpzError {
        NpzError::Array { path: self.path.clone(), array: array.into(), problem: problem.into() }
    }

    fn read(&mut self, array: &str) -> Result<Aligned, NpzError> {
        let mut bytes = Vec::new();
        let entry = match self.archive.by_name(&entry(array)) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => {
                return Err(NpzError::Missing { path: self.path.clone(), array: array.into() });
            }
            Err(source) => return Err(NpzError::Archive { path: self.path.clone(), source }),
        };
        let result = entry.take(LARGEST_ARRAY + 1).read_to_end(&mut bytes);
        match result {
            Err(error) => Err(self.invalid(array, format!("cannot be unpacked ({error})"))),
            Ok(_) if bytes.len() as u64 > LARGEST_ARRAY => {
                Err(self.invalid(array, format!("is larger than {LARGEST_ARRAY} bytes")))
            }
            Ok(_) => Ok(Aligned::new(&bytes)),
        }
    }
}

/// The name of an array's file in the archive.
fn entry(array: &str) -> String {
    format!("{array}.npy")
}

/// Bytes aligned to eight, so that numbers can be viewed in place.
struct Aligned {
    words: Vec<u64>,
    len: usize,
}

impl Aligned {
    fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0; bytes.len().div_ceil(size_of::<u64>())];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self { words, len: bytes.len() }
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

/// An `.npy` file of one of the accepted types, as f64.
fn decode<D: Dimension>(npy: &Aligned) -> Result<Array<f64, D>, String> {
    if let Some(numbers) = view::<f64, D>(npy)? {
        return Ok(numbers.to_owned());
    }
    if let Some(numbers) = view::<f32, D>(npy)? {
        return Ok(numbers.mapv(f64::from));
    }
    match view::<i64, D>(npy)? {
        Some(numbers) => Ok(numbers.mapv(|number| number as f64)),
        None => Err("must be of type f64, f32 or i64".into()),
    }
}

/// The array in place, or `None` if it is of another type.
fn view<T: ViewElement, D: Dimension>(npy: &Aligned) -> Result<Option<ArrayView<'_, T, D>>, String> {
    match ArrayView::view_npy(npy.bytes()) {
        Ok(array) => Ok(Some(array)),
        Err(ViewNpyError::WrongDescriptor(_)) => Ok(None),
        Err(ViewNpyError::WrongNdim(expected, found)) => {
            let expected = expected.map_or_else(|| "another number of".into(), |expected| expected.to_string());
            Err(format!("has {found} dimensions, but must have {expected}"))
        }
        Err(error) => Err(format!("cannot be read ({error}): write it with numpy.savez")),
    }
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
        assert!(npz.numbers::<Ix1>("flag").unwrap_err().to_string().ends_with("must be of type f64, f32 or i64"));
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
        for shape in ["(1000000000000, 5)", "(1099511627776, 1099511627776)", "(3, 5)"] {
            let error = refused(&with_state(&claiming(shape)));
            assert!(error.contains("array `state` cannot be read"), "{shape}: {error}");
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
