//! An open network, and the observations bound to it.

use std::{fmt, num::NonZero, path::Path, thread::available_parallelism};

use crate::{
    EngineError, Graph, Names, Precision, ReadError, RunError, Threads, Work,
    film_cache::FilmCache,
    kernel::{Kernel, Program},
    network::{Activation, Network},
    recognise::recognise,
};

/// The largest file that is read, bytes: no message of Protocol Buffers has more than 2 GiB.
const LARGEST_FILE: u64 = 1 << 31;

/// An open network, and the observations bound to it.
///
/// Memory grows with the largest batch and with the timesteps that are met. A call that needs no more than earlier ones
/// allocates nothing.
///
/// # Example
/// ```
/// use parapolicy_engine::{Engine, Graph, Names};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let names =
///     Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
/// let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/plain.onnx"))?;
/// let mut engine = Engine::new(Graph::read(file)?, &names)?;
/// let plan = engine.sample_dim();
/// engine.bind(&vec![0.5; engine.observation_dim()])?;
/// let mut prediction = vec![0.0; 2 * plan];
/// engine.run(&[0, 0], &vec![0.1; 2 * plan], &[99.0, 0.0], &mut prediction)?;
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    program: Program,
    film_cache: FilmCache,
    sample: Activation,
}

impl Engine {
    /// More threads than these do not help: a layer of 64 channels fills that many registers.
    pub const THREADS: usize = 4;

    /// Prepares a graph, of which nothing is kept but packed weights, for the fastest kernel in f32, on all cores or [`THREADS`](Self::THREADS) of them.
    ///
    /// # Errors
    /// A graph that is neither a conditional 1-D U-Net nor a transformer: the error names the first node that belongs to
    /// neither. Or as for [`Engine::on`].
    pub fn new(graph: Graph, names: &Names<'_>) -> Result<Self, EngineError> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::on(graph, names, Kernel::fastest(Precision::F32), cores.min(Self::THREADS))
    }

    /// Prepares a graph for `kernel` on so many `threads`, the calling one among them. The others spin while a plan is
    /// sampled and sleep between plans.
    ///
    /// # Errors
    /// As for [`Engine::new`]; or the processor lacks the kernel, or the system has no more threads or cannot pin them.
    pub fn on(
        graph: Graph,
        names: &Names<'_>,
        kernel: Kernel,
        threads: impl Into<Threads>,
    ) -> Result<Self, EngineError> {
        built_of(graph, |graph| {
            let Network { layers, condition } = recognise(&graph, names)?;
            // The network has what it needs of the constants, each of which is read when it is packed and freed then.
            drop(graph);
            let film_cache = FilmCache::new(condition, layers.film_channels);
            Ok(Self { sample: layers.sample, program: Program::new(layers, kernel, threads)?, film_cache })
        })
    }

    /// Reads the file at `path` and prepares it as [`Engine::new`] does.
    ///
    /// # Errors
    /// A file that cannot be read or is not an ONNX model; or as for [`Engine::new`].
    pub fn open(path: &Path, names: &Names<'_>) -> Result<Self, EngineError> {
        let unread = |error| EngineError::Read { path: path.to_path_buf(), error };
        let (file, len) = parapolicy_files::open_up_to(path, LARGEST_FILE).map_err(unread)?;
        let graph = Graph::read_from(file, len, |_| ()).map_err(|error| match error {
            ReadError::Onnx(error) => error.into(),
            ReadError::Io(error) => unread(error),
            other => unread(std::io::Error::other(other)),
        })?;
        Self::new(graph, names)
    }

    /// Numbers of a plan: its horizon times the numbers of an action.
    pub fn sample_dim(&self) -> usize {
        self.sample.positions * self.sample.channels
    }

    /// Numbers of an observation.
    pub fn observation_dim(&self) -> usize {
        self.film_cache.observation_dim()
    }

    /// The work of a batch of `rows`: all layers, as they are computed.
    pub fn work(&self, rows: usize) -> Work {
        self.program.work(rows).into_iter().sum()
    }

    /// Binds `[plans, observation_dim]`: an observation for each of some plans, in place of those before.
    ///
    /// # Errors
    /// The slice does not hold a whole number of observations.
    pub fn bind(&mut self, observations: &[f32]) -> Result<(), RunError> {
        self.film_cache.bind(observations)
    }

    /// Predicts for `samples`, `[batch, sample_dim]`, row `i` of which belongs to the observation `plans[i]` and has the
    /// timestep `timesteps[i]`. The prediction has the samples' shape.
    ///
    /// # Errors
    /// Slices whose lengths do not fit, or a plan for which no observation is bound; or the engine has threads, and was made
    /// before this process was forked.
    pub fn run(
        &mut self,
        plans: &[usize],
        samples: &[f32],
        timesteps: &[f32],
        prediction: &mut [f32],
    ) -> Result<(), RunError> {
        let batch = timesteps.len();
        check("the plans", plans.len(), batch)?;
        check("the samples", samples.len(), batch * self.sample_dim())?;
        check("the prediction", prediction.len(), batch * self.sample_dim())?;
        self.film_cache.check(plans)?;
        if self.program.is_forked() {
            return Err(RunError::Forked);
        }
        if batch > 0 {
            self.program.load(batch, |sample, rows| {
                sample.copy_from_slice(samples);
                self.film_cache.write(plans, timesteps, rows);
            });
            self.program.run(prediction);
        }
        Ok(())
    }
}

/// Without the weights.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("program", &self.program).field("sample", &self.sample).finish_non_exhaustive()
    }
}

/// What is built of a graph, if all constants that it took could be read.
pub(crate) fn built_of<T>(graph: Graph, build: impl FnOnce(Graph) -> Result<T, EngineError>) -> Result<T, EngineError> {
    let file = graph.left_in();
    let built = build(graph);
    // A constant that cannot be read is zeros, whatever is built of them.
    file.map_or(Ok(()), |file| file.check()).map_err(EngineError::Constants)?;
    built
}

fn check(what: &'static str, found: usize, expected: usize) -> Result<(), RunError> {
    if found == expected { Ok(()) } else { Err(RunError::Length { what, found, expected }) }
}
