//! `parapolicy calibrate`: measures the time of batches.

use std::path::PathBuf;

use anyhow::Context as _;
use parapolicy_eval::Calibration;
use parapolicy_policy::{Idle, Inference, Network};

use super::print_json;
use crate::args::{CalibrateArguments, ModelArguments};
use crate::auto_sampler;
use crate::failure::{Failure, InputError as _};
use crate::output::table;

/// Measures what batches cost, by as many threads as are named or by several numbers of them, and keeps it; shows the
/// fastest.
pub fn calibrate(arguments: &CalibrateArguments) -> Result<(), Failure> {
    let ModelArguments { model, runtime } = &arguments.model;
    let mut measured: Vec<(Calibration, PathBuf)> = Vec::new();
    for inference in runtime.asked(model)?.candidates() {
        let mut policy = Network::load(model, &runtime.open(&inference)?).input()?;
        let calibration = Calibration::measure(&mut policy)?;
        auto_sampler::warn_if_disturbed(&calibration);
        eprintln!("calibrate: {}", summary(&inference, &calibration));
        let path = calibration.store()?;
        measured.push((calibration, path));
    }
    measured.sort_by(|(one, _), (other, _)| one.compared().total_cmp(&other.compared()));
    let (calibration, path) = measured.first().context("nothing was measured")?;
    if arguments.json {
        return print_json(calibration);
    }
    println!("{}", table::render_calibration(calibration));
    println!("{}\nkept in {}", table::render_roofline(calibration.roofline()), path.display());
    Ok(())
}

fn summary(inference: &Inference, calibration: &Calibration) -> String {
    let threads = match inference.threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let asleep = if inference.idle == Idle::Sleep { ", asleep in between" } else { "" };
    format!("{threads}{asleep}: a batch of {} rows takes {:.2} ms", Calibration::ROWS, calibration.compared())
}
