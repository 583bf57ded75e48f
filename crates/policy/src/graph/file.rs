//! A graph's file: whatever is read of it has the sum that is asked for.

use std::{
    fs::File,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{OnceLock, mpsc::sync_channel},
    thread,
};

use parapolicy_onnx::{Bytes, Graph, ReadError};

use super::GraphError;
use crate::hash;

/// The largest graph, bytes: no message of Protocol Buffers has more than 2 GiB.
pub(crate) const LARGEST_GRAPH: u64 = 1 << 31;

/// Pieces of the file that may wait to be added to the sum.
const PIECES: usize = 64;

/// A graph's file. It is read when a backend asks for it, in the way that the backend asks for, and every reading is
/// compared with one sum: what is opened is what was compared, whatever becomes of the file meanwhile.
#[derive(Clone, Debug)]
pub struct GraphFile {
    path: PathBuf,
    sha256: String,
    bytes: OnceLock<Bytes>,
}

impl GraphFile {
    /// The file at `path`, with the sum that it has now.
    ///
    /// # Errors
    /// A file that cannot be read, is no regular file, or is larger than 2 GiB.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, GraphError> {
        let path = path.into();
        let (file, _) = open(&path)?;
        match hash::sha256_from(file) {
            Ok(sha256) => Ok(Self { path, sha256, bytes: OnceLock::new() }),
            Err(error) => Err(GraphError::Read { path, error }),
        }
    }

    /// The file at `path`, whose SHA-256 must be `expected`. Nothing is read yet.
    pub fn of_sum(path: impl Into<PathBuf>, expected: &str) -> Self {
        Self { path: path.into(), sha256: expected.to_ascii_lowercase(), bytes: OnceLock::new() }
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The graph, decoded while the file is read. Large constants stay in the file until they are needed; they are then what they
    /// are now, or whoever needs them refuses the graph.
    ///
    /// # Errors
    /// As for [`GraphFile::read`], or another sum, or a file that is no graph.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        let (file, len) = open(&self.path)?;
        // The sum takes longer than all the rest: another thread adds to it what has been read.
        let (sender, receiver) = sync_channel::<Vec<u8>>(PIECES);
        let (graph, sum) = thread::scope(|scope| {
            let hashing = thread::Builder::new().spawn_scoped(scope, move || hash::sha256_of_all(receiver));
            let hashing = hashing.map_err(ReadError::Io);
            // Nobody receives only if the thread is not there, which is told below.
            let graph = Graph::read_from(file, len, |piece| drop(sender.send(piece.to_vec())));
            drop(sender);
            let sum = hashing.map(|hashing| hashing.join().unwrap_or_else(|panic| resume_unwind(panic)));
            (graph, sum)
        });
        let unread = |error| match error {
            ReadError::Io(error) => GraphError::Read { path: self.path.clone(), error },
            error => GraphError::Refused { path: self.path.clone(), error: error.into() },
        };
        let sum = sum.map_err(unread)?;
        if !matches!(graph, Err(ReadError::Io(_))) {
            self.check(sum)?;
        }
        graph.map_err(unread)
    }

    /// Its content, whole. It is kept for further calls.
    ///
    /// # Errors
    /// As for [`GraphFile::read`], or another sum.
    pub fn bytes(&self) -> Result<&Bytes, GraphError> {
        if let Some(bytes) = self.bytes.get() {
            return Ok(bytes);
        }
        let read = parapolicy_files::read(&self.path, LARGEST_GRAPH);
        let bytes = read.map_err(|error| GraphError::Read { path: self.path.clone(), error })?;
        self.check(hash::sha256(&bytes))?;
        Ok(self.bytes.get_or_init(|| bytes.into()))
    }

    /// The sum that it must have, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    fn check(&self, found: String) -> Result<(), GraphError> {
        if found == self.sha256 {
            return Ok(());
        }
        Err(GraphError::Checksum { path: self.path.clone(), expected: self.sha256.clone(), found })
    }
}

fn open(path: &Path) -> Result<(File, usize), GraphError> {
    let opened = parapolicy_files::open_up_to(path, LARGEST_GRAPH);
    opened.map_err(|error| GraphError::Read { path: path.to_path_buf(), error })
}

#[cfg(test)]
mod tests {
    use parapolicy_engine::{Engine, EngineError, Names};

    use super::*;

    #[test]
    fn what_was_hashed_is_what_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("denoiser.onnx");
        std::fs::write(&path, "one").unwrap();
        let file = GraphFile::of_sum(&path, &hash::sha256("one").to_uppercase());
        assert_eq!((&file.bytes().unwrap()[..], file.sha256()), (&b"one"[..], hash::sha256("one").as_str()));
        let refused = file.graph().unwrap_err();
        assert!(matches!(refused, GraphError::Refused { .. }), "the sum is right, but it is no graph: {refused}");
        std::fs::write(&path, "another").unwrap();
        assert_eq!(&file.bytes().unwrap()[..], b"one");
        for error in [file.graph().map(drop), GraphFile::of_sum(&path, file.sha256()).bytes().map(drop)] {
            assert!(matches!(error, Err(GraphError::Checksum { .. })), "{error:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.graph(), Err(GraphError::Read { .. })));
    }

    #[test]
    fn a_graph_is_the_same_however_it_is_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht/denoiser.onnx");
        let file = GraphFile::read(path).unwrap();
        let (streamed, whole) = (file.graph().unwrap(), Graph::read(file.bytes().unwrap().clone()).unwrap());
        assert_eq!(streamed.nodes(), whole.nodes());
        let left = streamed.constants().iter().filter(|constant| constant.left.is_some()).count();
        assert!(0 < left && left < streamed.constants().len(), "{left} constants are large");
        for (constant, expected) in streamed.constants().iter().zip(whole.constants()) {
            assert_eq!(constant.stored(), expected.stored());
            assert_eq!(streamed.constant(constant), whole.constant(expected), "{}", expected.name);
        }
    }

    /// Written over in place, or cut short, after it was compared and before a network is built of it.
    #[test]
    fn a_file_that_changes_while_it_is_loaded_is_refused() {
        let original =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht/denoiser.onnx")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("denoiser.onnx");
        let names =
            Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
        let mut other = original.clone();
        let middle = other.len() / 2;
        other[middle] ^= 1;
        for (content, why) in
            [(&other[..], "it was changed while it was loaded"), (&original[..middle], "failed to fill")]
        {
            std::fs::write(&path, &original).unwrap();
            let graph = GraphFile::read(&path).unwrap().graph().unwrap();
            std::fs::write(&path, content).unwrap();
            let error = Engine::new(graph, &names).unwrap_err();
            assert!(matches!(error, EngineError::Constants(_)) && error.to_string().contains(why), "{error}");
        }
    }
}
