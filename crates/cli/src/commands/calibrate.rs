use parapolicy_runner::Calibration;

use super::print_json;
use crate::args::CalibrateArguments;
use crate::auto;
use crate::failure::Failure;
use crate::output::table;

/// Measures what batches cost and keeps it for `auto`.
pub fn calibrate(arguments: &CalibrateArguments) -> Result<(), Failure> {
    let mut policy = arguments.model.load()?;
    let calibration = Calibration::measure(&mut policy)?;
    auto::warn_if_disturbed(&calibration);
    let path = calibration.store()?;
    if arguments.json {
        return print_json(&calibration);
    }
    println!("{}", table::render_calibration(&calibration));
    println!("{}\nkept in {}", table::render_roofline(calibration.roofline()), path.display());
    Ok(())
}
