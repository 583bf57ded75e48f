//! The engine of this project as a backend.

mod frames;

use std::{path::Path, sync::Arc};

use ndarray::ArrayViewMut2;
use parapolicy_engine::{
    Encoder, EncoderNames, Engine, EngineError, Graph, Names, Threads, Work, WorkByStage, kernel::Kernel,
};
use parapolicy_sampler::BoxError;

use self::frames::NativeEncoder;
use crate::{
    Backend, BackendError, BackendName, Batch, ConditionKind, EncoderGraph, GraphError, GraphFile, GraphTensors,
    Inference, InstallObserver, MANIFEST_FILE, Manifest, OpenBackend, OpenDenoiser, OpenEncoder, Precision,
    PredictError, Signature, TimestepType,
};

/// The engine of this project ([`parapolicy_engine`]): the conditional 1-D U-Nets and transformers of Diffusion Policy, modulated
/// diffusion transformers, and the convolutional encoders of images.
pub const NATIVE: BackendName = BackendName::of(&Native);

#[derive(Debug)]
struct Native;

impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn precisions(&self) -> &'static [Precision] {
        &[Precision::F32, Precision::Bf16]
    }

    fn pins_threads(&self) -> bool {
        true
    }

    fn runs_encoders(&self) -> bool {
        true
    }

    fn installed_version(&self) -> Option<&'static str> {
        Some(env!("CARGO_PKG_VERSION"))
    }

    fn candidates(&self, inference: &Inference) -> Vec<Inference> {
        inference.by_threads(inference.threads().min(Engine::THREADS))
    }

    fn processor_threads(&self, threads: usize) -> Option<usize> {
        Some(threads.min(Engine::THREADS))
    }

    fn open(&self, inference: &Inference, _: &dyn InstallObserver) -> Result<Arc<dyn OpenBackend>, BackendError> {
        let kernel = inference.precision.kernel().ok_or(BackendError::Processor)?;
        let threads = Threads { count: inference.threads().min(Engine::THREADS), pinned: inference.pinned };
        Ok(Arc::new(OpenNative { kernel, threads }))
    }
}

/// The engine with its kernel chosen.
#[derive(Debug)]
struct OpenNative {
    kernel: Kernel,
    /// Started without the threads that the engine could not use.
    threads: Threads,
}

impl OpenBackend for OpenNative {
    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    fn title(&self) -> String {
        format!("native {}", self.version())
    }

    fn tensors(&self, graph: &GraphFile) -> Result<GraphTensors, GraphError> {
        Ok(GraphTensors::from(&graph.graph()?))
    }

    fn denoiser(
        &self,
        file: &GraphFile,
        signature: &Signature,
        _device: u32,
    ) -> Result<Box<dyn OpenDenoiser>, GraphError> {
        let (path, graph) = (file.path(), file.graph()?);
        let accepted = GraphTensors::from(&graph)
            .denoiser(signature)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let names = names(path, signature)?;
        let engine = Engine::on(graph, &names, self.kernel, self.threads).map_err(|error| refused(path, error))?;
        Ok(Box::new(NativeDenoiser { engine, timestep: accepted.timestep, prediction: Vec::new() }))
    }

    /// In f32, whatever the precision: features are computed once for all steps of a plan.
    fn encoder(
        &self,
        file: &GraphFile,
        manifest: &Manifest,
        encoder: &EncoderGraph,
    ) -> Result<Box<dyn OpenEncoder>, GraphError> {
        let (path, graph) = (file.path(), file.graph()?);
        GraphTensors::from(&graph)
            .encoder(manifest, encoder)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let names = EncoderNames { observation: &encoder.observation, features: &encoder.features };
        let kernel = Kernel::fastest(parapolicy_engine::Precision::F32);
        let open = Encoder::new(graph, &names, kernel, self.threads).map_err(|error| refused(path, error))?;
        Ok(Box::new(NativeEncoder::new(open, manifest.n_obs_steps)))
    }
}

/// An engine, and a buffer for predictions whose destination is not contiguous.
#[derive(Debug)]
struct NativeDenoiser {
    engine: Engine,
    /// What the graph takes; the engine itself computes with floating point.
    timestep: TimestepType,
    prediction: Vec<f32>,
}

impl OpenDenoiser for NativeDenoiser {
    fn timestep_type(&self) -> TimestepType {
        self.timestep
    }

    fn work(&self, _signature: &Signature, _precision: Precision, rows: usize) -> Result<Work, String> {
        Ok(self.engine.work(rows))
    }

    fn bind(&mut self, observations: &[f32]) -> Result<(), BoxError> {
        Ok(self.engine.bind(observations)?)
    }

    fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let Batch { plans, samples, timesteps, .. } = batch;
        if let Some(prediction) = prediction.as_slice_mut() {
            return Ok(self.engine.run(plans, samples, timesteps, prediction)?);
        }
        self.prediction.resize(samples.len(), 0.0);
        self.engine.run(plans, samples, timesteps, &mut self.prediction)?;
        prediction.iter_mut().zip(&self.prediction).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// Operations and bytes of a batch of `rows`, counted by the engine for a graph that another backend runs.
///
/// # Errors
/// A graph that the engine does not read, and so cannot count.
pub fn work_of(
    graph: &GraphFile,
    signature: &Signature,
    precision: Precision,
    rows: usize,
) -> Result<WorkByStage, GraphError> {
    let names = names(graph.path(), signature)?;
    WorkByStage::of(&graph.graph()?, &names, precision.bytes(), rows).map_err(|error| refused(graph.path(), error))
}

/// Names of the inputs and output of a graph with an observation input.
fn names<'a>(path: &Path, signature: &'a Signature) -> Result<Names<'a>, GraphError> {
    let (graph, path) = (&signature.graph, path.to_path_buf());
    let Some(condition) = &signature.condition else {
        let is_policy = signature.manifest == MANIFEST_FILE;
        return Err(if is_policy { GraphError::Inpainting { path } } else { GraphError::NoPlans { path } });
    };
    if condition.kind != ConditionKind::Numbers || signature.sample.len() != 2 {
        return Err(GraphError::NoPlans { path });
    }
    let observation = &condition.input;
    Ok(Names { sample: &graph.sample, timestep: &graph.timestep, observation, prediction: &graph.prediction })
}

fn refused(path: &Path, error: EngineError) -> GraphError {
    GraphError::Refused { path: path.to_path_buf(), error: error.into() }
}

impl From<&Graph> for GraphTensors {
    fn from(graph: &Graph) -> Self {
        Self { inputs: graph.inputs.clone(), outputs: graph.outputs.clone() }
    }
}
