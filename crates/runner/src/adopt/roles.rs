//! Which of a graph's inputs and outputs is what.

mod role;

pub(super) use self::role::Role;
use super::error::Fault;
use crate::graph::{Outlet, Outlets, Size};

/// What the graph calls what a denoiser takes and gives, where that is known.
#[derive(Clone, Debug, Default)]
pub struct RoleNames {
    /// Input: noisy plans.
    pub sample: Option<String>,
    /// Input: timesteps.
    pub timestep: Option<String>,
    /// Input: observations.
    pub observation: Option<String>,
    /// Output: what the network says of the plans.
    pub prediction: Option<String>,
}

/// The tensors of a denoiser. Without an observation, that is a part of the plan.
#[derive(Debug)]
pub(super) struct Roles<'o> {
    pub sample: &'o Outlet,
    pub timestep: &'o Outlet,
    pub observation: Option<&'o Outlet>,
    pub prediction: &'o Outlet,
}

impl<'o> Roles<'o> {
    /// Tells them apart: by `names`, else by their forms, and where several have the same by what such tensors are called.
    pub fn of(outlets: &'o Outlets, names: &RoleNames) -> Result<Self, Fault> {
        let [samples, timesteps, observations, predictions] = Role::ALL.map(|role| candidates(role, outlets, names));
        let (samples, timesteps, predictions) = (samples?, timesteps?, predictions?);
        // It is what is left; but what is named must be there.
        observations?;
        let timestep = one_of(Role::Timestep, &timesteps, outlets)?;
        let sample = sample(&samples, &predictions, outlets)?;
        let prediction = one_of(Role::Prediction, &alike(sample, &predictions), outlets)?;
        let others = outlets.inputs.iter().filter(|input| ![&sample.name, &timestep.name].contains(&&input.name));
        let observation = observation(&others.collect::<Vec<_>>())?;
        let roles = Self { sample, timestep, observation, prediction };
        roles.all().try_for_each(|(role, outlet)| ensure_open_batch(role, outlet))?;
        Ok(roles)
    }

    /// The tensors there are, in the order in which the manifest has them.
    pub fn all(&self) -> impl Iterator<Item = (Role, &'o Outlet)> {
        let observation = self.observation.map(|observation| (Role::Observation, observation));
        let before = [(Role::Sample, self.sample), (Role::Timestep, self.timestep)];
        before.into_iter().chain(observation).chain([(Role::Prediction, self.prediction)])
    }

    /// Sizes of a plan, `[horizon, plan_dim]`, as far as the graph fixes them.
    pub fn plan(&self) -> [Option<usize>; 2] {
        let [sample, prediction] = [self.sample, self.prediction].map(Outlet::sizes);
        [1, 2].map(|axis| sample[axis].known().or(prediction[axis].known()))
    }
}

/// The tensors that could have a role: the one that is named, or all of its form that are named for no other.
fn candidates<'o>(role: Role, outlets: &'o Outlets, names: &RoleNames) -> Result<Vec<&'o Outlet>, Fault> {
    let all = role.among(outlets);
    if let Some(name) = role.name(names) {
        let named = all.iter().find(|outlet| outlet.name == name);
        let named = named.ok_or_else(|| Fault::Unknown { role, name: name.into(), others: list(all) })?;
        let fits = role.fits(named);
        return if fits { Ok(vec![named]) } else { Err(Fault::Unfit { role, tensor: named.to_string() }) };
    }
    let of_another = |outlet: &Outlet| Role::ALL.iter().any(|other| other.name(names) == Some(&outlet.name));
    Ok(all.iter().filter(|outlet| role.fits(outlet) && !of_another(outlet)).collect())
}

/// The input that comes out again in its shape.
fn sample<'o>(candidates: &[&'o Outlet], predictions: &[&Outlet], outlets: &Outlets) -> Result<&'o Outlet, Fault> {
    let samples: Vec<_> = candidates.iter().copied().filter(|sample| !alike(sample, predictions).is_empty()).collect();
    if samples.is_empty() {
        let turned = |input: &&Outlet| predictions.iter().find(|output| is_turned(input, output)).copied();
        if let Some((input, output)) = candidates.iter().find_map(|input| Some((input, turned(input)?))) {
            return Err(Fault::Turned { input: input.to_string(), output: output.to_string() });
        }
        if !candidates.is_empty() {
            let [inputs, outputs] = [&outlets.inputs, &outlets.outputs].map(list);
            return Err(Fault::NoPlan { inputs, outputs });
        }
    }
    one_of(Role::Sample, &samples, outlets)
}

/// The only one of the candidates, or the only one that is called as such tensors are.
fn one_of<'o>(role: Role, candidates: &[&'o Outlet], outlets: &Outlets) -> Result<&'o Outlet, Fault> {
    let called: Vec<_> = candidates.iter().copied().filter(|outlet| role.is_called(&outlet.name)).collect();
    match (candidates, called.as_slice()) {
        ([], _) => Err(Fault::missing(role, outlets)),
        ([only], _) | (_, [only]) => Ok(only),
        _ => Err(Fault::Ambiguous { role, several: list(candidates.iter().copied()) }),
    }
}

/// What is left of the inputs: nothing, or one observation.
fn observation<'o>(left: &[&'o Outlet]) -> Result<Option<&'o Outlet>, Fault> {
    if let Some(image) = left.iter().find(|input| input.sizes().len() > 3) {
        return Err(Fault::Image { input: image.to_string() });
    }
    match left {
        [] => Ok(None),
        [only] if Role::Observation.fits(only) => Ok(Some(only)),
        [only] => Err(Fault::Unfit { role: Role::Observation, tensor: only.to_string() }),
        several => Err(Fault::LeftOver { inputs: list(several.iter().copied()) }),
    }
}

fn ensure_open_batch(role: Role, outlet: &Outlet) -> Result<(), Fault> {
    match outlet.sizes().first() {
        Some(&Size::Fixed(batch)) => Err(Fault::FixedBatch { role, name: outlet.name.clone(), batch }),
        _ => Ok(()),
    }
}

/// Those that have, or may have, the shape of `sample`.
fn alike<'o>(sample: &Outlet, outlets: &[&'o Outlet]) -> Vec<&'o Outlet> {
    let may_be = |(a, b): (&Size, &Size)| a.known().is_none_or(|a| b.fits(a));
    let alike = |outlet: &&&Outlet| sample.sizes().iter().zip(outlet.sizes()).all(may_be);
    outlets.iter().filter(alike).copied().collect()
}

/// Whether the last two axes of one are those of the other, exchanged.
fn is_turned(input: &Outlet, output: &Outlet) -> bool {
    let known = |outlet: &Outlet, axis: usize| outlet.sizes()[axis].known();
    known(input, 1).is_some() && [1, 2].map(|axis| known(input, axis)) == [2, 1].map(|axis| known(output, axis))
}

fn list<'o>(outlets: impl IntoIterator<Item = &'o Outlet>) -> String {
    let outlets: Vec<_> = outlets.into_iter().map(ToString::to_string).collect();
    if outlets.is_empty() { "none".into() } else { outlets.join(", ") }
}

impl Fault {
    fn missing(role: Role, outlets: &Outlets) -> Self {
        Self::Missing { role, others: list(role.among(outlets)) }
    }
}
