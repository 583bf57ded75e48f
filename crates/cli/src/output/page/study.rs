//! `study.html`: what latency costs, as a page.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use parapolicy_eval::study::Study;

use super::{PLOT, shell};
use crate::output::plot::study::{against_interval, against_latency};
use crate::output::plot::svg;
use crate::output::table::study::{Section, claims, sections};

#[derive(Template)]
#[template(path = "study.html")]
struct StudyPage<'a> {
    study: &'a Study,
    claims: Vec<String>,
    sections: Vec<Section>,
    against_latency: String,
    against_interval: String,
    /// As a shell takes it.
    command: String,
}

/// Writes the page.
pub fn write(study: &Study, file: &mut dyn Write) -> Result<()> {
    let page = StudyPage {
        study,
        claims: claims(study),
        sections: sections(study),
        against_latency: svg(PLOT, |area| against_latency(area, study))?,
        against_interval: svg(PLOT, |area| against_interval(area, study))?,
        command: shell(&study.command),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
}
