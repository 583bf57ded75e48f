//! The manifest of a graph, as far as the graph tells: the fields of a [`Manifest`](crate::Manifest) or a
//! [`DenoiserManifest`](crate::DenoiserManifest) in their order.

use super::{
    draft::Draft,
    roles::{Role, Roles, is_label},
};
use parapolicy_onnx::{Dimension, TensorInfo};

use crate::SCHEMA_VERSION;

/// Fields of the training scheduler, which no graph contains.
const SCHEDULER: [(&str, &str); 8] = [
    ("num_train_timesteps", "how many timesteps it was trained with, 100 say"),
    ("beta_start", "as in training; flow matching has none: remove the line"),
    ("beta_end", "as in training; flow matching has none: remove the line"),
    ("beta_schedule", "linear, scaled_linear or squaredcos_cap_v2; flow matching has none: remove the line"),
    (
        "prediction_type",
        "what the network predicts: epsilon, sample, v_prediction, or, for flow matching, flow_prediction",
    ),
    ("clip_sample", "true or false: whether what is denoised is clipped to -clip_sample_range..clip_sample_range"),
    ("timestep_spacing", "leading, trailing or linspace; flow matching: trailing"),
    (
        "flow",
        "flow matching: {\"time\": \"unit\" or \"train_timesteps\", \"noise_at\": 0 or 1, \"velocity\": \"noise_minus_data\" or \
         \"data_minus_noise\"}; others have none: remove the line",
    ),
];

/// The graph beside the manifest.
#[derive(Clone, Copy)]
pub(super) struct GraphOnDisk<'a> {
    pub file: &'a str,
    pub sha256: &'a str,
}

/// The manifest of the denoiser `name`, which is no policy.
pub(super) fn of_denoiser(name: &str, roles: &Roles<'_>, graph: GraphOnDisk<'_>) -> Draft {
    let sample = Draft::Fields(vec![
        ("shape", sizes(roles.sample, "sizes of one sample: [channels, height, width] of an image")),
        (
            "range",
            Draft::blank(
                "the least and the largest value of the training data, in the network's own unit: [-1, 1], say",
            ),
        ),
    ]);
    let mut fields = vec![("schema_version", Draft::known(1)), ("name", Draft::known(name)), ("sample", sample)];
    fields.extend(roles.observation.map(|input| ("condition", condition(input))));
    fields.push(("scheduler", scheduler()));
    let tensors = roles.all().filter(|(role, _)| *role != Role::Observation);
    fields.push(("denoiser", denoiser(tensors, graph)));
    Draft::Fields(fields)
}

fn condition(input: &TensorInfo) -> Draft {
    let what = match is_label(input) {
        true => ("classes", Draft::blank("how many classes there are: labels go from 0 to one less")),
        false => ("shape", sizes(input, "sizes of one condition")),
    };
    Draft::Fields(vec![("input", Draft::known(input.name.as_str())), what])
}

/// Sizes after the batch, where the graph fixes all of them.
fn sizes(tensor: &TensorInfo, what: &str) -> Draft {
    let sizes: Option<Vec<_>> = tensor.sizes().iter().skip(1).map(Dimension::known).collect();
    Draft::or_blank(sizes, what)
}

/// The manifest of the policy `name`.
pub(super) fn of_policy(name: &str, roles: &Roles<'_>, graph: GraphOnDisk<'_>) -> Draft {
    let [horizon, plan_dim] = roles.plan();
    let seen = roles.observation.map(TensorInfo::sizes);
    let [steps, observation_dim] = match seen {
        Some([_, steps, dim]) => [steps.known(), dim.known()],
        _ => [None, None],
    };
    let action_dim = if roles.observation.is_some() { plan_dim } else { None };
    Draft::Fields(vec![
        ("schema_version", Draft::known(SCHEMA_VERSION)),
        ("name", Draft::known(name)),
        ("n_obs_steps", Draft::or_blank(steps, "how many observations the network sees")),
        ("horizon", Draft::or_blank(horizon, "how many actions the network plans")),
        ("n_action_steps", Draft::blank(executed(steps, horizon))),
        ("observations", Draft::List(vec![entry("observation", observation_dim, &observed(seen, plan_dim))])),
        ("actions", Draft::List(vec![entry("action", action_dim, &acted(plan_dim))])),
        ("scheduler", scheduler()),
        ("denoiser", denoiser(roles.all(), graph)),
    ])
}

/// An entry of `len` numbers, if that is known; `lengths` says what it has to be.
fn entry(what: &str, len: Option<usize>, lengths: &str) -> Draft {
    let numbers = len.map_or_else(|| "a number a component".into(), |len| format!("{len} numbers"));
    Draft::Fields(vec![
        (
            "name",
            Draft::blank(format!("what the robot calls it; of several parts, an entry each, in the {what}'s order")),
        ),
        ("shape", Draft::or_blank(len.map(|len| vec![len]), lengths)),
        (
            "normalization",
            Draft::blank(format!(
                "of the training data, {numbers} in each list: {{\"mode\": \"min_max\", \"min\": [], \"max\": []}} or \
             {{\"mode\": \"mean_std\", \"mean\": [], \"std\": []}}; or {{\"mode\": \"identity\"}}"
            )),
        ),
    ])
}

fn executed(steps: Option<usize>, horizon: Option<usize>) -> String {
    let most = match (steps, horizon) {
        (Some(steps), Some(horizon)) => (horizon + 1).saturating_sub(steps).to_string(),
        _ => "horizon - n_obs_steps + 1".into(),
    };
    format!("how many actions of a plan are executed before the next is made, 1 to {most}")
}

/// What the numbers of an observation have to be.
fn observed(seen: Option<&[Dimension]>, plan_dim: Option<usize>) -> String {
    match (seen, plan_dim) {
        (Some([_, Dimension::Fixed(all)]), _) => {
            format!("[numbers in one observation]: with n_obs_steps of them, {all} in all")
        }
        (None, Some(plan_dim)) => format!("[numbers in one observation]: with those of an action, {plan_dim} in all"),
        _ => "[numbers in one observation]".into(),
    }
}

fn acted(plan_dim: Option<usize>) -> String {
    let all = plan_dim.map_or_else(String::new, |all| format!(": with those of an observation, {all} in all"));
    format!("[numbers in one action]{all}")
}

/// Fields that only affect sampling have the defaults of `diffusers`.
fn scheduler() -> Draft {
    let blanks = SCHEDULER.map(|(field, what)| (field, Draft::blank(what)));
    let drawn = [("clip_sample_range", Draft::known(1.0)), ("variance_type", Draft::known("fixed_small"))];
    Draft::Fields(blanks.into_iter().chain(drawn).collect())
}

fn denoiser<'o>(tensors: impl Iterator<Item = (Role, &'o TensorInfo)>, graph: GraphOnDisk<'_>) -> Draft {
    let GraphOnDisk { file, sha256 } = graph;
    let tensors = tensors.map(|(role, tensor)| (role.field(), Draft::known(tensor.name.as_str())));
    let of_file = [("file", Draft::known(file)), ("sha256", Draft::known(sha256))];
    Draft::Fields(of_file.into_iter().chain(tensors).collect())
}
