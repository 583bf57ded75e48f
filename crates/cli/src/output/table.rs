mod bench;
mod calibration;

use comfy_table::{CellAlignment, Table, presets};
use parapolicy_control::{CutShort, Difference, Interval, Report, SamplerReport};

pub use bench::render_bench;
pub use calibration::render_calibration;

const COLUMNS: [&str; 9] = [
    "sampler",
    "reward",
    "95 % interval",
    "success",
    "plan p50 ms",
    "plan p99 ms",
    "action p50 ms",
    "rounds / evaluations",
    "speed-up",
];

/// The run at a glance, one line a sampler; how often limits were not kept is shown where that happened.
pub fn render(report: &Report) -> String {
    let cut_short = report.samplers.iter().any(|sampler| sampler.cut_short.share > 0.0);
    let violated = report.samplers.iter().any(|sampler| sampler.violation_rate > 0.0);
    let more = [cut_short.then_some(CUT_SHORT), violated.then_some(VIOLATIONS)].into_iter().flatten().flatten();
    let mut table = table(&COLUMNS.into_iter().chain(more).collect::<Vec<_>>());
    for sampler in &report.samplers {
        let interval = sampler.reward_interval;
        let mut row = vec![
            sampler.name.clone(),
            format!("{:.3}", sampler.reward_mean),
            format!("{:.3} – {:.3}", interval.low, interval.high),
            format!("{:.0} %", 100.0 * sampler.success_rate),
            format!("{:.1}", sampler.sampling_latency_ms.p50),
            format!("{:.1}", sampler.sampling_latency_ms.p99),
            format!("{:.2}", sampler.per_action_latency_ms.p50),
            format!("{:.1} / {:.0}", sampler.rounds_mean, sampler.evaluations_mean),
            sampler.speedup.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×")),
        ];
        if cut_short {
            row.extend(cut_short_cells(&sampler.cut_short));
        }
        if violated {
            row.push(format!("{:.1} %", 100.0 * sampler.violation_rate));
            row.push(format!("{:.0} %", 100.0 * sampler.violating_episodes));
        }
        table.add_row(row);
    }
    finish(table) + &differences(report)
}

/// Below the table: what each sampler earned more than `sequential` on the same seeds.
fn differences(report: &Report) -> String {
    let line = |sampler: &SamplerReport| {
        let Difference { mean, interval } = sampler.reward_difference?;
        let Interval { low, high } = interval;
        let name = &sampler.name;
        Some(format!(
            "\nreward of {name} less sequential's, seed by seed: {mean:+.4} (95 % interval {low:+.4} to {high:+.4})"
        ))
    };
    report.samplers.iter().filter_map(line).collect()
}

/// Share of plans, and how far they moved in their last round.
const CUT_SHORT: [&str; 2] = ["cut short", "residual p50 / p90"];

fn cut_short_cells(cut_short: &CutShort) -> [String; 2] {
    let CutShort { share, residual_p50, residual_p90 } = cut_short;
    [format!("{:.0} %", 100.0 * share), format!("{residual_p50:.4} / {residual_p90:.4}")]
}

/// Share of control steps, and of episodes.
const VIOLATIONS: [&str; 2] = ["violations", "in episodes"];

fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(columns.to_vec());
    table
}

/// All columns but the first stand to the right.
fn finish(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
