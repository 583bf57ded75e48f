//! `tune.html`: which sampler, how many steps, as a page.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use parapolicy_control::tuned::Tuned;

use super::{PLOT, shell};
use crate::output::plot::svg;
use crate::output::plot::tune::{distances, has_rewards, rewards};
use crate::output::table::Glance;
use crate::output::table::tuned::{glance, notes};

#[derive(Template)]
#[template(path = "tune.html")]
struct TunePage<'a> {
    tuned: &'a Tuned,
    sentences: &'a [String],
    notes: Vec<String>,
    glance: Glance,
    distances: String,
    rewards: Option<String>,
    /// As a shell takes it.
    command: String,
}

/// Writes the page.
pub fn write(tuned: &Tuned, sentences: &[String], file: &mut dyn Write) -> Result<()> {
    let page = TunePage {
        tuned,
        sentences,
        notes: notes(tuned),
        glance: glance(tuned),
        distances: svg(PLOT, |area| distances(area, tuned))?,
        rewards: has_rewards(tuned).then(|| svg(PLOT, |area| rewards(area, tuned))).transpose()?,
        command: shell(&tuned.command),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
}
