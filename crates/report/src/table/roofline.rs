//! Table of batches against the machine's limits.

use parapolicy_eval::{BatchLimit, KnownRoofline, Roofline};

use super::{finish, table};

const COLUMNS: [&str; 6] = ["rows", "MFLOP", "MB", "at least ms", "p50 ms", "of the limit"];

/// How far batches are from the machine's limits, one line per batch size; or why that is not known.
#[must_use]
pub fn render_roofline(roofline: &Roofline) -> String {
    let known = match roofline {
        Roofline::Known(known) => known,
        Roofline::Unknown(why) => return format!("limits of the machine: not known ({why})"),
    };
    let mut table = table(&COLUMNS);
    table.add_rows(known.batches.iter().map(roofline_cells));
    format!("limits of the machine: {}\n{}", limits(known), finish(table))
}

/// What all threads can do at most, in words: the rates at which numbers are read for each size that was measured.
#[must_use]
pub fn limits(KnownRoofline { limits, .. }: &KnownRoofline) -> String {
    let mut reads = limits.reads.clone();
    reads.sort_by_key(|read| read.bytes);
    let megabytes = |bytes: usize| format!("{:.3}", bytes as f64 / 1e6).trim_end_matches(['0', '.']).to_owned();
    let reads =
        reads.iter().map(|read| format!("{} MB at {:.0} GB/s", megabytes(read.bytes), read.gigabytes_per_second));
    format!("{:.0} GFLOP/s; reads {}", limits.gflop_per_second, reads.collect::<Vec<_>>().join(", "))
}

/// A batch, a text a column.
#[must_use]
pub fn roofline_cells(&BatchLimit { rows, flop, bytes, least_ms, median_ms, fraction }: &BatchLimit) -> [String; 6] {
    [
        rows.to_string(),
        format!("{:.1}", 1e-6 * flop as f64),
        format!("{:.1}", 1e-6 * bytes as f64),
        format!("{least_ms:.3}"),
        format!("{median_ms:.3}"),
        format!("{:.0} %", 100.0 * fraction),
    ]
}
