//! Table of a calibration.

use parapolicy_eval::{BatchTime, Calibration, CalibrationKey};

use super::{finish, table};

const COLUMNS: [&str; 5] = ["rows", "p50 ms", "p10 – p90 ms", "over one row", "ms a row"];

/// Times of batches, one line per batch size.
pub fn render_calibration(calibration: &Calibration) -> String {
    let mut table = table(&COLUMNS);
    let one = calibration.cost().of(1);
    for &BatchTime { rows, median_ms, p10_ms, p90_ms } in calibration.batches() {
        table.add_row([
            rows.to_string(),
            format!("{median_ms:.2}"),
            format!("{p10_ms:.2} – {p90_ms:.2}"),
            format!("{:.2}×", median_ms / one),
            format!("{:.3}", median_ms / rows as f64),
        ]);
    }
    let CalibrationKey { cpu, cores, threads, provider, runtime, .. } = calibration.key();
    format!("{cpu}, {cores} cores, {threads} threads, provider {provider} (version {runtime})\n{}", finish(table))
}
