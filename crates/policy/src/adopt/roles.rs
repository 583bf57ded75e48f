//! Assigns roles to a graph's inputs and outputs: sample, timestep, observation, prediction.

mod role;

pub(super) use self::role::{PLAN_AXES, Role, is_label};
use super::error::Fault;
use parapolicy_onnx::{Dimension, TensorInfo};

use crate::GraphTensors;

/// Names that the graph has for a denoiser's inputs and output, where the user gives them.
#[derive(Clone, Debug, Default)]
pub struct RoleNames {
    /// Input: noisy plans.
    pub sample: Option<String>,
    /// Input: timesteps.
    pub timestep: Option<String>,
    /// Input: observations.
    pub observation: Option<String>,
    /// Output: the network's prediction for the plans.
    pub prediction: Option<String>,
}

/// The tensors of a denoiser. Without an observation input, the observation is a part of the plan.
#[derive(Debug)]
pub(super) struct Roles<'o> {
    pub sample: &'o TensorInfo,
    pub timestep: &'o TensorInfo,
    pub observation: Option<&'o TensorInfo>,
    pub prediction: &'o TensorInfo,
}

impl<'o> Roles<'o> {
    /// Assigns the roles: by `names`, else by shape and type, and where several tensors match, by common tensor names.
    pub fn of(tensors: &'o GraphTensors, names: &RoleNames) -> Result<Self, Fault> {
        let [samples, timesteps, observations, predictions] = Role::ALL.map(|role| candidates(role, tensors, names));
        let (samples, timesteps, predictions) = (samples?, timesteps?, predictions?);
        // The observation is the remaining input; but a named one must exist.
        observations?;
        let timestep = one_of(Role::Timestep, &timesteps, tensors)?;
        let sample = sample(&samples, &predictions, tensors)?;
        let prediction = one_of(Role::Prediction, &alike(sample, &predictions), tensors)?;
        let others = tensors.inputs.iter().filter(|input| ![&sample.name, &timestep.name].contains(&&input.name));
        let observation = observation(sample, &others.collect::<Vec<_>>())?;
        let roles = Self { sample, timestep, observation, prediction };
        roles.all().try_for_each(|(role, tensor)| ensure_open_batch(role, tensor))?;
        Ok(roles)
    }

    /// Whether samples are plans, and what is seen are observations.
    pub fn is_policy(&self) -> bool {
        self.sample.sizes().len() == PLAN_AXES && !self.observation.is_some_and(is_label)
    }

    /// The tensors present, in the manifest's order.
    pub fn all(&self) -> impl Iterator<Item = (Role, &'o TensorInfo)> {
        let observation = self.observation.map(|observation| (Role::Observation, observation));
        let before = [(Role::Sample, self.sample), (Role::Timestep, self.timestep)];
        before.into_iter().chain(observation).chain([(Role::Prediction, self.prediction)])
    }

    /// Sizes of a plan, `[horizon, plan_dim]`, as far as the graph fixes them.
    pub fn plan(&self) -> [Option<usize>; 2] {
        let [sample, prediction] = [self.sample, self.prediction].map(TensorInfo::sizes);
        [1, 2].map(|axis| sample[axis].known().or(prediction[axis].known()))
    }
}

/// The tensors that could have a role: the one that is named, or all of fitting shape and type that are named for no
/// other role.
fn candidates<'o>(role: Role, tensors: &'o GraphTensors, names: &RoleNames) -> Result<Vec<&'o TensorInfo>, Fault> {
    let all = role.among(tensors);
    if let Some(name) = role.name(names) {
        let named = all.iter().find(|tensor| tensor.name == name);
        let named = named.ok_or_else(|| Fault::Unknown { role, name: name.into(), others: list(all) })?;
        let fits = role.fits(named);
        return if fits { Ok(vec![named]) } else { Err(Fault::Unfit { role, tensor: named.to_string() }) };
    }
    let of_another = |tensor: &TensorInfo| Role::ALL.iter().any(|other| other.name(names) == Some(&tensor.name));
    Ok(all.iter().filter(|tensor| role.fits(tensor) && !of_another(tensor)).collect())
}

/// The input whose shape an output repeats.
fn sample<'o>(
    candidates: &[&'o TensorInfo],
    predictions: &[&TensorInfo],
    tensors: &GraphTensors,
) -> Result<&'o TensorInfo, Fault> {
    let samples: Vec<_> = candidates.iter().copied().filter(|sample| !alike(sample, predictions).is_empty()).collect();
    if samples.is_empty() {
        let turned = |input: &&TensorInfo| predictions.iter().find(|output| is_turned(input, output)).copied();
        if let Some((input, output)) = candidates.iter().find_map(|input| Some((input, turned(input)?))) {
            return Err(Fault::Turned { input: input.to_string(), output: output.to_string() });
        }
        if !candidates.is_empty() {
            let [inputs, outputs] = [&tensors.inputs, &tensors.outputs].map(list);
            return Err(Fault::NoPlan { inputs, outputs });
        }
    }
    one_of(Role::Sample, &samples, tensors)
}

/// The only candidate, or the only one with a common name for this role.
fn one_of<'o>(role: Role, candidates: &[&'o TensorInfo], tensors: &GraphTensors) -> Result<&'o TensorInfo, Fault> {
    let called: Vec<_> = candidates.iter().copied().filter(|tensor| role.is_called(&tensor.name)).collect();
    match (candidates, called.as_slice()) {
        ([], _) => Err(Fault::missing(role, tensors)),
        ([only], _) | (_, [only]) => Ok(only),
        _ => Err(Fault::Ambiguous { role, several: list(candidates.iter().copied()) }),
    }
}

/// What is left of the inputs: nothing, or one observation or other condition.
fn observation<'o>(sample: &TensorInfo, left: &[&'o TensorInfo]) -> Result<Option<&'o TensorInfo>, Fault> {
    let is_plan = sample.sizes().len() == PLAN_AXES;
    if let Some(image) = left.iter().find(|input| is_plan && input.sizes().len() > 3) {
        return Err(Fault::Image { input: image.to_string() });
    }
    match left {
        [] => Ok(None),
        [only] if Role::Observation.fits(only) => Ok(Some(only)),
        [only] => Err(Fault::Unfit { role: Role::Observation, tensor: only.to_string() }),
        several => Err(Fault::LeftOver { inputs: list(several.iter().copied()) }),
    }
}

fn ensure_open_batch(role: Role, tensor: &TensorInfo) -> Result<(), Fault> {
    match tensor.sizes().first() {
        Some(&Dimension::Fixed(batch)) => Err(Fault::FixedBatch { role, name: tensor.name.clone(), batch }),
        _ => Ok(()),
    }
}

/// Those that have, or may have, the shape of `sample`.
fn alike<'o>(sample: &TensorInfo, tensors: &[&'o TensorInfo]) -> Vec<&'o TensorInfo> {
    let may_be = |(a, b): (&Dimension, &Dimension)| a.known().is_none_or(|a| b.fits(a));
    let alike = |tensor: &&&TensorInfo| {
        sample.sizes().len() == tensor.sizes().len() && sample.sizes().iter().zip(tensor.sizes()).all(may_be)
    };
    tensors.iter().filter(alike).copied().collect()
}

/// Whether the last two axes of one plan are those of the other, transposed.
fn is_turned(input: &TensorInfo, output: &TensorInfo) -> bool {
    if [input, output].iter().any(|tensor| tensor.sizes().len() != PLAN_AXES) {
        return false;
    }
    let known = |tensor: &TensorInfo, axis: usize| tensor.sizes()[axis].known();
    known(input, 1).is_some() && [1, 2].map(|axis| known(input, axis)) == [2, 1].map(|axis| known(output, axis))
}

fn list<'o>(tensors: impl IntoIterator<Item = &'o TensorInfo>) -> String {
    let tensors: Vec<_> = tensors.into_iter().map(ToString::to_string).collect();
    if tensors.is_empty() { "none".into() } else { tensors.join(", ") }
}

impl Fault {
    fn missing(role: Role, tensors: &GraphTensors) -> Self {
        Self::Missing { role, others: list(role.among(tensors)) }
    }
}
