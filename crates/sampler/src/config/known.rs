//! Every field that a scheduler's configuration may have, and what is done about it: the allow-list.
//!
//! They are those of `diffusers`' `DDPMScheduler`, `DDIMScheduler`, `DPMSolverMultistepScheduler` and
//! `FlowMatchEulerDiscreteScheduler` (a test in Python enumerates their signatures), and `flow`, this project's own.

use crate::error::ConfigError;

/// What is done about a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Treatment {
    /// It is used.
    Honoured,
    /// It changes nothing, whatever it says.
    Harmless,
    /// It must be off.
    Off,
}

use Treatment::{Harmless, Honoured, Off};

pub(super) const FIELDS: [(&str, Treatment); 43] = [
    ("_class_name", Honoured),
    ("_diffusers_version", Harmless),
    ("_use_default_values", Harmless),
    ("algorithm_type", Honoured),
    // These four, and the type of the shift, are of dynamic shifting, which is off.
    ("base_image_seq_len", Harmless),
    ("base_shift", Harmless),
    ("max_image_seq_len", Harmless),
    ("max_shift", Harmless),
    ("time_shift_type", Harmless),
    ("beta_end", Honoured),
    ("beta_schedule", Honoured),
    ("beta_start", Honoured),
    ("clip_sample", Honoured),
    ("clip_sample_range", Honoured),
    ("dynamic_thresholding_ratio", Honoured),
    ("euler_at_final", Honoured),
    ("final_sigmas_type", Honoured),
    ("flow", Honoured),
    // Of `use_flow_sigmas`, which is off.
    ("flow_shift", Harmless),
    ("invert_sigmas", Honoured),
    ("lambda_min_clipped", Honoured),
    ("lower_order_final", Honoured),
    ("num_train_timesteps", Honoured),
    ("prediction_type", Honoured),
    ("rescale_betas_zero_snr", Honoured),
    ("sample_max_value", Honoured),
    ("set_alpha_to_one", Honoured),
    ("shift", Honoured),
    ("shift_terminal", Honoured),
    ("solver_order", Honoured),
    ("solver_type", Honoured),
    ("steps_offset", Honoured),
    ("stochastic_sampling", Honoured),
    ("thresholding", Honoured),
    ("timestep_spacing", Honoured),
    ("trained_betas", Honoured),
    ("use_beta_sigmas", Off),
    ("use_dynamic_shifting", Off),
    ("use_exponential_sigmas", Off),
    ("use_flow_sigmas", Off),
    ("use_karras_sigmas", Off),
    ("use_lu_lambdas", Off),
    ("variance_type", Honoured),
];

/// The error about a field that is none of [`FIELDS`].
pub(super) fn unknown(field: &str) -> ConfigError {
    let nearest = FIELDS.iter().map(|(name, _)| *name).min_by_key(|name| distance(field, name));
    let nearest = nearest.filter(|name| distance(field, name) <= field.chars().count() / 3);
    ConfigError::UnknownField { field: field.chars().take(60).collect(), nearest }
}

/// Single characters to be inserted, deleted or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
