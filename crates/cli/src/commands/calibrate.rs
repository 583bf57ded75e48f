//! `parapolicy calibrate`: measures the time of batches.

use std::path::PathBuf;

use anyhow::anyhow;
use parapolicy_eval::{Calibration, CalibrationError};
use parapolicy_policy::{Idle, Inference, Network};

use super::print_json;
use crate::args::{CalibrateArguments, ModelArguments};
use crate::auto_sampler;
use crate::failure::{Failure, InputError as _};
use crate::output::table;
use crate::say::{say, tell};
use crate::stop::Stop;

/// Measures what batches cost, by as many threads as are named or by several numbers of them, and keeps it; shows the
/// fastest.
pub fn calibrate(arguments: &CalibrateArguments) -> Result<(), Failure> {
    let ModelArguments { model, runtime } = &arguments.model;
    let stop = Stop::listen()?;
    let mut measured: Vec<(Calibration, PathBuf)> = Vec::new();
    let (mut stopped, mut busy) = (Ok(()), false);
    for inference in runtime.asked(model)?.candidates() {
        let mut policy = Network::load(model, &runtime.open(&inference)?).input()?;
        Calibration::check_store(&policy)?;
        let calibration = match measure(&mut policy, arguments.force, &stop) {
            Err(CalibrationError::Stopped) => {
                stopped = stop.check("what was measured until then is kept");
                break;
            }
            measured => measured?,
        };
        tell!("calibrate: {}", summary(&inference, &calibration));
        if calibration.disturbed() && !arguments.force {
            tell!("calibrate: times differ widely, something else was running; this is not kept");
            busy = true;
            continue;
        }
        auto_sampler::warn_if_disturbed(&calibration);
        let path = calibration.store()?;
        measured.push((calibration, path));
    }
    if busy && measured.is_empty() {
        return Err(anyhow!(BUSY).into());
    }
    measured.sort_by(|(one, _), (other, _)| one.compared().total_cmp(&other.compared()));
    let Some((calibration, path)) = measured.first() else { return stop.check("nothing was measured") };
    if arguments.json {
        print_json(calibration)?;
    } else {
        let (times, limits) = (table::render_calibration(calibration), table::render_roofline(calibration.roofline()));
        say(format_args!("{times}\n{limits}\nkept in {}", path.display()))?;
    }
    if busy { Err(anyhow!(BUSY).into()) } else { stopped }
}

const BUSY: &str =
    "the machine is busy, and what was disturbed is not kept: calibrate when nothing else runs, or with --force";

/// Measures; once again where something else disturbed it, unless it is kept all the same.
fn measure(policy: &mut Network, force: bool, stop: &Stop) -> Result<Calibration, CalibrationError> {
    let calibration = Calibration::measure_unless(policy, &|| stop.is_asked())?;
    if force || !calibration.disturbed() {
        return Ok(calibration);
    }
    tell!("calibrate: times differ widely, something else was running; measuring once again");
    Calibration::measure_unless(policy, &|| stop.is_asked())
}

fn summary(inference: &Inference, calibration: &Calibration) -> String {
    let threads = match inference.threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let asleep = if inference.idle == Idle::Sleep { ", asleep in between" } else { "" };
    format!("{threads}{asleep}: a batch of {} rows takes {:.2} ms", Calibration::ROWS, calibration.compared())
}
