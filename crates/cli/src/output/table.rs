use comfy_table::{CellAlignment, Table, presets};
use parapolicy_control::Report;

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

/// The run at a glance, one line a sampler.
pub fn render(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(COLUMNS);
    for sampler in &report.samplers {
        let interval = sampler.reward_interval;
        table.add_row([
            sampler.name.clone(),
            format!("{:.3}", sampler.reward_mean),
            format!("{:.3} – {:.3}", interval.low, interval.high),
            format!("{:.0} %", 100.0 * sampler.success_rate),
            format!("{:.1}", sampler.sampling_latency_ms.p50),
            format!("{:.1}", sampler.sampling_latency_ms.p99),
            format!("{:.2}", sampler.per_action_latency_ms.p50),
            format!("{:.1} / {:.0}", sampler.rounds_mean, sampler.evaluations_mean),
            sampler.speedup.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×")),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
