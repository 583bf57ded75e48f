//! Table of a benchmark.

use comfy_table::Table;

use super::{CUT_SHORT, cut_short_cells, finish, render_roofline, table};
use crate::commands::bench::{Bench, BenchInterrupted, Deviation, FromF32, MeasuredRow, RefusedRow, Row};

const COLUMNS: [&str; 11] = [
    "sampler",
    "window",
    "solver",
    "steps",
    "rounds",
    "evaluations",
    "p50 ms",
    "p99 ms",
    "speed-up",
    "deviation p50 / p90 / max",
    "outside tolerance",
];

/// The sampler's own estimate of the deviation, where there is one.
const ESTIMATED: &str = "estimated p50 / max";

/// Fewer plans tell nothing of a difference.
const FEW: usize = 5;

/// A benchmark at a glance, one line a solver, number of steps and sampler; below it, what was refused, how far the
/// network computes from f32, and the limits of the machine.
pub fn render_bench(Bench { roofline, precision, interrupted, rows }: &Bench) -> String {
    let cut_short = rows.iter().any(|row| matches!(row, Row::Measured(row) if row.cut_short.share > 0.0));
    let estimated = rows.iter().any(|row| matches!(row, Row::Measured(row) if row.estimated.is_some()));
    let more = estimated.then_some(ESTIMATED).into_iter().chain(cut_short.then_some(CUT_SHORT).into_iter().flatten());
    let mut table = table(&COLUMNS.into_iter().chain(more).collect::<Vec<_>>());
    let mut below = String::new();
    for row in rows {
        match row {
            Row::Measured(row) => add(&mut table, row, estimated, cut_short),
            Row::Refused(RefusedRow { sampler, solver, steps, refused: why }) => {
                below += &format!("\nnot measured: {sampler}, {solver}, {steps} steps ({why})");
            }
        }
    }
    for FromF32 { solver, steps, deviation } in precision {
        below += &format!("\n{solver}, {steps} steps: {deviation}");
    }
    if let Some(BenchInterrupted { plans_asked, rows_asked }) = interrupted {
        let plans: Vec<_> = rows.iter().filter_map(Row::plans).map(|plans| plans.to_string()).collect();
        let plans = plans.join(", ");
        below += &format!(
            "\nstopped before its end: {rows_asked} rows of {plans_asked} plans were asked for, these have {plans}"
        );
    }
    if rows.iter().filter_map(Row::plans).any(|plans| plans < FEW) {
        below += &format!("\nfewer than {FEW} plans are too few to tell samplers apart");
    }
    format!("{}{below}\n{}", finish(table), render_roofline(roofline))
}

fn add(table: &mut Table, row: &MeasuredRow, estimated: bool, cut_short: bool) {
    let Deviation { p50, p90, max } = row.deviation;
    let mut cells = vec![
        row.sampler.clone(),
        row.window.map_or_else(|| "–".to_owned(), |window| window.to_string()),
        row.solver.clone(),
        row.steps.to_string(),
        format!("{:.1}", row.rounds_mean),
        format!("{:.0}", row.evaluations_mean),
        format!("{:.1}", row.latency_ms.p50),
        format!("{:.1}", row.latency_ms.p99),
        format!("{:.2}×", row.speedup),
        format!("{p50:.4} / {p90:.4} / {max:.4}"),
        format!("{:.1} %", 100.0 * row.outside_tolerance),
    ];
    if estimated {
        let told = |Deviation { p50, max, .. }| format!("{p50:.4} / {max:.4}");
        cells.push(row.estimated.map_or_else(|| "–".to_owned(), told));
    }
    if cut_short {
        cells.extend(cut_short_cells(&row.cut_short));
    }
    table.add_row(cells);
}
