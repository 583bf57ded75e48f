//! A policy: manifest and graph, ready to denoise.

mod error;

use std::path::Path;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use parapolicy_engine::Work;

pub use self::error::PolicyError;
use crate::{
    BoundDenoiser, BoundPlans, Kind, Manifest, Normalization, Origin, PredictError, Provider, Signature,
    encoder::Encoder, inpainted::Inpainted, observation::Observations, opened::Opened,
};

/// A diffusion policy, loaded.
///
/// # Example
/// ```no_run
/// use ndarray::Array2;
/// use parapolicy_policy::{Inference, Network};
/// use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Inference::default().open(&())?;
/// let mut policy = Network::load("models/pusht".as_ref(), &provider)?;
/// let dim = policy.manifest().sample_dim();
/// let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, 100)?;
/// let mut sampler = Sampler::new(table, Strategy::sequential(), dim)?;
///
/// let observation = Array2::from_elem((2, 20), 256.0);
/// let origin = policy.origin(observation.view())?;
/// let sample = sampler.sample(&mut policy.bind(observation.view())?, &Noise::draw(0, 100, dim))?;
/// let actions = policy.actions(sample.sample(), &origin);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Network {
    pub(crate) manifest: Manifest,
    pub(crate) opened: Opened,
    pub(crate) encoder: Option<Encoder>,
    pub(crate) observations: Observations,
}

impl Network {
    /// Loads the policy in the directory `dir`: reads and validates its manifest, checks the graph's SHA-256, opens it
    /// and checks its inputs and output; the same for the encoder, if it has one. Where the engine is to run that and refuses
    /// it, ONNX Runtime is found or installed for it.
    ///
    /// # Errors
    /// The first thing that is wrong with the manifest or a graph; the task that the provider's inference names is none of
    /// the policy's, or it names none of several; or ONNX Runtime cannot be had for the encoder.
    pub fn load(dir: &Path, provider: &Provider) -> Result<Self, PolicyError> {
        let manifest = Manifest::load(dir)?;
        let shape = [manifest.n_obs_steps, manifest.observation_dim()];
        let observations = Observations::new(shape, manifest.told(provider.inference().task.as_deref())?);
        let mut opened = Opened::open(dir, manifest.signature(), provider)?;
        opened.inpainted = Inpainted::new(&manifest);
        let encoder = Encoder::open(dir, &manifest, provider)?;
        Ok(Self { manifest, opened, encoder, observations })
    }

    /// The provider that runs the graph.
    pub fn provider(&self) -> &Provider {
        &self.opened.provider
    }

    /// The manifest (`policy.json`).
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Shapes, names and scheduler of the denoiser.
    pub fn signature(&self) -> &Signature {
        &self.opened.signature
    }

    /// Checks that the graph can be asked about these timesteps, a sampler's [`Table::timesteps`] before it draws: a
    /// graph whose timesteps are int64 takes whole numbers alone.
    ///
    /// [`Table::timesteps`]: parapolicy_sampler::Table::timesteps
    ///
    /// # Errors
    /// [`PredictError::Timestep`] with the graph's input and the first timestep that is not whole.
    pub fn check_timesteps(&self, timesteps: &[f32]) -> Result<(), PredictError> {
        self.opened.check_timesteps(timesteps)
    }

    /// Operations and bytes of a batch of `rows`, for the roofline.
    ///
    /// # Errors
    /// The reason, where it cannot be counted.
    pub fn work(&self, rows: usize) -> Result<Work, String> {
        self.opened.work(rows)
    }

    /// Binds an observation `[n_obs_steps, observation_dim]` in raw units, oldest first: the result denoises action
    /// sequences for it.
    ///
    /// # Errors
    /// An observation of another shape, or with a number that is not finite or is not when normalised; or this process was
    /// forked since the policy was loaded.
    pub fn bind(&mut self, observation: ArrayView2<'_, f64>) -> Result<BoundDenoiser<'_>, PolicyError> {
        self.observations.clear();
        self.observations.push(&self.manifest.observations, observation)?;
        self.encode_and_bind()?;
        Ok(self.bound().into_denoiser())
    }

    /// Binds an observation, as [`Network::bind`] takes it, for each of several plans: the result denoises their action
    /// sequences in shared batches.
    ///
    /// # Errors
    /// No observation at all; or [`PolicyError::OfPlan`] with what is wrong with the one of a plan.
    pub fn bind_batched<'o>(
        &mut self,
        observations: impl IntoIterator<Item = ArrayView2<'o, f64>>,
    ) -> Result<BoundPlans<'_>, PolicyError> {
        let Self { manifest, observations: bound, .. } = &mut *self;
        bound.clear();
        for (plan, observation) in observations.into_iter().enumerate() {
            let pushed = bound.push(&manifest.observations, observation);
            pushed.map_err(|source| PolicyError::OfPlan { plan, source: Box::new(source) })?;
        }
        if bound.plans() == 0 {
            return Err(PolicyError::NoPlans);
        }
        self.encode_and_bind()?;
        Ok(self.bound())
    }

    /// Encodes the observations, if there is an encoder, and binds them.
    fn encode_and_bind(&mut self) -> Result<(), PolicyError> {
        self.opened.check_process().map_err(|error| PolicyError::Bind(error.into()))?;
        if let Some(encoder) = &mut self.encoder {
            encoder.run(self.observations.all())?;
        }
        self.bind_graph()
    }

    /// Binds the observations, or what the encoder made of them, as the denoiser's input or as inpainted values of the plans.
    pub(crate) fn bind_graph(&mut self) -> Result<(), PolicyError> {
        let Self { opened, encoder, observations, .. } = self;
        opened.check_process().map_err(|error| PolicyError::Bind(error.into()))?;
        let seen = encoder.as_ref().map_or(observations.all(), Encoder::features);
        match &mut opened.inpainted {
            Some(inpainted) => inpainted.bind(seen, observations.plans()),
            None => opened.graph.bind(seen).map_err(PolicyError::Bind)?,
        }
        Ok(())
    }

    /// What was bound last, for further batches.
    pub fn bound(&mut self) -> BoundPlans<'_> {
        let Self { opened, encoder, observations, .. } = self;
        let seen = encoder.as_ref().map_or(observations.all(), Encoder::features);
        BoundPlans::new(opened, seen, observations.plans())
    }

    /// The actions `[horizon, action_dim]` in raw units that a sample `[horizon · plan_dim]` stands for, of a plan for the observation
    /// that `origin` is of: relative ones made absolute, and rotations made ones
    /// ([`Kind::project`](crate::Kind::project)), each quaternion with the sign that is nearer to the one before it.
    ///
    /// # Panics
    /// If the sample has another length, or the origin is another policy's.
    pub fn actions(&self, sample: ArrayView1<'_, f32>, origin: &Origin) -> Array2<f64> {
        let mut actions = self.predicted_actions(sample, origin);
        for (entry, range) in self.manifest.action_parts().filter(|(entry, _)| entry.kind.is_rotation()) {
            let mut before: Vec<f64> = Vec::new();
            for mut action in actions.rows_mut() {
                let mut numbers = action.slice_mut(s![range.clone()]);
                let mut rotation = numbers.to_vec();
                entry.kind.project(&mut rotation);
                if entry.kind == Kind::Quaternion && before.iter().zip(&rotation).map(|(a, b)| a * b).sum::<f64>() < 0.0
                {
                    rotation.iter_mut().for_each(|number| *number = -*number);
                }
                numbers.assign(&ArrayView1::from(&rotation));
                before = rotation;
            }
        }
        actions
    }

    /// The same as the network predicts them, number by number: affine in the sample, `denormalised + origin`.
    ///
    /// # Panics
    /// If the sample has another length, or the origin is another policy's.
    pub fn predicted_actions(&self, sample: ArrayView1<'_, f32>, origin: &Origin) -> Array2<f64> {
        let (horizon, dim, row) = (self.manifest.horizon, self.manifest.action_dim(), self.manifest.plan_dim());
        assert_eq!(sample.len(), horizon * row, "length of the sample");
        let (components, offsets) = self.components(origin);
        Array2::from_shape_fn((horizon, dim), |(step, column)| {
            let (normalization, index) = components[column];
            normalization.denormalize(index, sample[step * row + column]) + offsets[column]
        })
    }

    /// Normalises actions `[n, action_dim]` in raw units, absolute ones, and flattens them, for a plan for the observation that
    /// `origin` is of: the inverse of [`Network::predicted_actions`].
    ///
    /// # Panics
    /// If an action has another length, or the origin is another policy's.
    pub fn normalized_actions(&self, actions: ArrayView2<'_, f64>, origin: &Origin) -> Array1<f32> {
        let (components, offsets) = self.components(origin);
        assert_eq!(actions.ncols(), components.len(), "length of an action");
        let normalized = actions.indexed_iter().map(|((_, column), raw)| {
            let (normalization, index) = components[column];
            normalization.normalize(index, *raw - offsets[column])
        });
        normalized.collect()
    }

    /// The normalisation of each number in an action, with its index there, and what is added to it.
    fn components<'a>(&'a self, origin: &'a Origin) -> (Vec<(&'a Normalization, usize)>, ArrayView1<'a, f64>) {
        let components: Vec<_> = self.manifest.action_components().collect();
        assert_eq!(origin.offsets().len(), components.len(), "length of the origin");
        (components, origin.offsets())
    }
}
