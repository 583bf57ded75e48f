//! Columns of tables for realtime loops.

use parapolicy_eval::realtime::TimingReport;
use parapolicy_eval::{RealtimeReport, Report};

/// Age of the observation behind an action, and the share of control steps whose plan was used up or missing.
const REALTIME: [&str; 2] = ["age p50 / p99 ms", "late / no plan"];
const ON_THE_WALL: [&str; 2] = ["jitter p50 / p99 / max ms", "misses"];

/// Columns for a realtime loop.
#[must_use]
pub fn columns(report: &Report) -> Vec<&'static str> {
    let on_the_wall = report.samplers.iter().filter_map(|sampler| sampler.timing?.deadline_misses).next();
    let timed = report.in_time.is_some().then_some(REALTIME).into_iter().flatten();
    timed.chain(on_the_wall.map(|_| ON_THE_WALL).into_iter().flatten()).collect()
}

/// A sampler's cells of these columns.
#[must_use]
pub fn cells(timing: &TimingReport) -> Vec<String> {
    let age = timing.observation_age_ms;
    let mut cells = vec![
        format!("{:.0} / {:.0}", age.p50, age.p99),
        format!("{:.1} / {:.1} %", 100.0 * timing.late_rate, 100.0 * timing.safe_rate),
    ];
    if let (Some(jitter), Some(misses)) = (timing.wake_up_jitter_ms, timing.deadline_misses) {
        cells.push(format!("{:.2} / {:.2} / {:.2}", jitter.p50, jitter.p99, jitter.max));
        cells.push(format!("{misses} of {}", timing.control_steps));
    }
    cells
}

/// Settings of the realtime loop, and the realtime support that the operating system refused.
#[must_use]
pub fn footnotes(report: &Report) -> Vec<String> {
    let Some(RealtimeReport { clock, rate_hz, replan, blend, late, continuity, latency, realtime }) = &report.in_time
    else {
        return Vec::new();
    };
    let latency = latency.as_ref().map_or_else(String::new, |latency| format!(", latency {latency}"));
    let plans = format!("replan {replan}, blend {blend}, late {late}, continuity {continuity}");
    let mut lines = vec![format!("clock {clock}, {rate_hz} Hz{latency}, {plans}")];
    if let Some(realtime) = realtime {
        let got = |obtained: bool| if obtained { "obtained" } else { "not obtained" };
        let (fifo, memory) = (got(realtime.fifo), got(realtime.memory_locked));
        lines.push(format!("SCHED_FIFO {} {fifo}, locked memory {memory}", realtime.priority));
        lines.extend(realtime.refused.iter().map(|refusal| format!("  {refusal}")));
    }
    lines
}
