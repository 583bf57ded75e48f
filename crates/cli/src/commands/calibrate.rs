//! `parapolicy calibrate`: measures the time of batches.

use std::path::PathBuf;

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
    let mut stopped = Ok(());
    for inference in runtime.asked(model)?.candidates() {
        let mut policy = Network::load(model, &runtime.open(&inference)?).input()?;
        Calibration::check_store(&policy)?;
        let calibration = match Calibration::measure_unless(&mut policy, &|| stop.is_asked()) {
            Err(CalibrationError::Stopped) => {
                stopped = stop.check("what was measured until then is kept");
                break;
            }
            measured => measured?,
        };
        auto_sampler::warn_if_disturbed(&calibration);
        tell!("calibrate: {}", summary(&inference, &calibration));
        let path = calibration.store()?;
        measured.push((calibration, path));
    }
    measured.sort_by(|(one, _), (other, _)| one.compared().total_cmp(&other.compared()));
    let Some((calibration, path)) = measured.first() else { return stop.check("nothing was measured") };
    if arguments.json {
        print_json(calibration)?;
    } else {
        let (times, limits) = (table::render_calibration(calibration), table::render_roofline(calibration.roofline()));
        say(format_args!("{times}\n{limits}\nkept in {}", path.display()))?;
    }
    stopped
}

fn summary(inference: &Inference, calibration: &Calibration) -> String {
    let threads = match inference.threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let asleep = if inference.idle == Idle::Sleep { ", asleep in between" } else { "" };
    format!("{threads}{asleep}: a batch of {} rows takes {:.2} ms", Calibration::ROWS, calibration.compared())
}
