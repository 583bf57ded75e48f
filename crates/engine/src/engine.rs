//! A network that runs.

use std::{fmt, num::NonZero, path::Path, thread::available_parallelism};

use crate::{
    EngineError, Graph, Names, Precision, RunError, Threads, Work,
    films::Films,
    kernel::{Kernel, Program},
    network::{Activation, Network},
    recognise::recognise,
};

/// A network, loaded, and the observations bound to it.
///
/// Buffers grow to the largest batch, and to the timesteps that there are; a call that needs no more than an earlier one
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
/// let mut engine = Engine::new(&Graph::read(file)?, &names)?;
/// let (plan, seen) = (engine.sample_dim(), engine.observation_dim());
/// engine.bind(&vec![0.5; seen])?;
/// let mut prediction = vec![0.0; 2 * plan];
/// engine.run(&[0, 0], &vec![0.1; 2 * plan], &[99, 0], &mut prediction)?;
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    program: Program,
    films: Films,
    sample: Activation,
}

impl Engine {
    /// Threads beyond which more do not help: a layer of 64 channels has as many registers of them.
    pub const THREADS: usize = 4;

    /// Makes the graph ready to run by the fastest kernel in f32, on all cores or [`THREADS`](Self::THREADS) of them.
    ///
    /// # Errors
    /// A graph that is no conditional 1-D U-Net or transformer: the first node that belongs to neither. Or as for
    /// [`Engine::on`].
    pub fn new(graph: &Graph, names: &Names<'_>) -> Result<Self, EngineError> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::on(graph, names, Kernel::fastest(Precision::F32), cores.min(Self::THREADS))
    }

    /// The same by `kernel`, on so many `threads`: the calling one and others beside it, which spin while a plan is
    /// drawn and sleep between plans.
    ///
    /// # Errors
    /// As for [`Engine::new`], and where the processor lacks the kernel, or the system has no more threads or cannot keep
    /// them on cores of their own.
    pub fn on(
        graph: &Graph,
        names: &Names<'_>,
        kernel: Kernel,
        threads: impl Into<Threads>,
    ) -> Result<Self, EngineError> {
        let Network { layers, condition } = recognise(graph, names)?;
        let films = Films::new(condition, layers.film_channels);
        Ok(Self { sample: layers.sample, program: Program::new(&layers, kernel, threads)?, films })
    }

    /// Reads the file at `path` and makes it ready to run.
    ///
    /// # Errors
    /// A file that cannot be read, or is no ONNX model; or as for [`Engine::new`].
    pub fn open(path: &Path, names: &Names<'_>) -> Result<Self, EngineError> {
        let bytes = std::fs::read(path).map_err(|error| EngineError::Read { path: path.to_path_buf(), error })?;
        Self::new(&Graph::read(bytes)?, names)
    }

    /// Numbers of a plan: its horizon times the numbers of an action.
    pub fn sample_dim(&self) -> usize {
        self.sample.positions * self.sample.channels
    }

    /// Numbers of an observation.
    pub fn observation_dim(&self) -> usize {
        self.films.observation_dim()
    }

    /// What a batch of `rows` takes: all layers, as they are computed.
    pub fn work(&self, rows: usize) -> Work {
        self.program.work(rows).into_iter().sum()
    }

    /// Binds `[plans, observation_dim]`: an observation for each of some plans, in place of those before.
    ///
    /// # Errors
    /// No whole number of observations.
    pub fn bind(&mut self, observations: &[f32]) -> Result<(), RunError> {
        self.films.bind(observations)
    }

    /// Predicts for `samples`, `[batch, sample_dim]`, row `i` of which belongs to the observation `plans[i]` and has the
    /// timestep `timesteps[i]`. The prediction has the samples' shape.
    ///
    /// # Errors
    /// Slices whose lengths do not fit, or a plan that has no observation.
    pub fn run(
        &mut self,
        plans: &[usize],
        samples: &[f32],
        timesteps: &[i64],
        prediction: &mut [f32],
    ) -> Result<(), RunError> {
        let batch = timesteps.len();
        check("the plans", plans.len(), batch)?;
        check("the samples", samples.len(), batch * self.sample_dim())?;
        check("the prediction", prediction.len(), batch * self.sample_dim())?;
        self.films.check(plans)?;
        if batch > 0 {
            self.program.load(batch, |sample, rows| {
                sample.copy_from_slice(samples);
                self.films.write(plans, timesteps, rows);
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

fn check(what: &'static str, found: usize, expected: usize) -> Result<(), RunError> {
    if found == expected { Ok(()) } else { Err(RunError::Length { what, found, expected }) }
}
