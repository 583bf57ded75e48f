//! Tables on the terminal.

pub mod realtime;
pub mod roofline;

use comfy_table::{CellAlignment, Table, presets};
use parapolicy_eval::{
    CutShort, Difference, Interrupted, Interval, Machine, Part, Report, SamplerReport, Seeds, Throughput,
};
use parapolicy_sampler::Strategy;

pub use self::roofline::render_roofline;

/// Cost columns of plans that are sampled one by one.
const ALONE: [&str; 3] = ["plan p50 ms", "plan p99 ms", "action p50 ms"];
/// Cost columns of plans that are sampled in shared batches: a single plan has no latency of its own.
const BATCHED: [&str; 3] = ["plans / s", "plans a call", "call p50 ms"];
const WORK: &str = "rounds / evaluations";

/// Cost columns in a realtime loop, where the age of observations matters instead, see `realtime`.
const REALTIME_COST: [&str; 1] = ["plan p50 / p99 ms"];

/// A table before it is text: names of columns, and rows of texts.
pub struct Glance {
    /// Names of columns.
    pub columns: Vec<&'static str>,
    /// A text a column.
    pub rows: Vec<Vec<String>>,
}

/// The run at a glance, as text.
pub fn render(report: &Report) -> String {
    let below = notes(report).into_iter().chain(realtime::footnotes(report));
    let lines = below.chain(report.deviation.iter().map(ToString::to_string)).map(|line| format!("\n{line}"));
    Glance::of(report).render() + &lines.collect::<String>()
}

impl Glance {
    /// As text.
    pub fn render(self) -> String {
        let mut table = table(&self.columns);
        table.add_rows(self.rows);
        finish(table)
    }

    /// The run, a row a sampler. How often limits were not kept is shown where that happened.
    pub fn of(report: &Report) -> Self {
        let cut_short = report.samplers.iter().any(|sampler| sampler.cut_short.share > 0.0);
        let violated = report.samplers.iter().any(|sampler| sampler.violation_rate > 0.0);
        let mut columns = vec!["sampler", "reward", "95 % interval", "success (95 %)"];
        match report.in_time {
            Some(_) => columns.extend(REALTIME_COST.into_iter().chain([WORK])),
            None if is_batched(report) => columns.extend(BATCHED.into_iter().chain([WORK, "throughput"])),
            None => columns.extend(ALONE.into_iter().chain([WORK, "speed-up"])),
        }
        columns.extend(realtime::columns(report));
        if cut_short {
            columns.extend(CUT_SHORT);
        }
        if violated {
            columns.extend(VIOLATIONS);
        }
        let row = |sampler: &SamplerReport| {
            let mut row = vec![
                sampler.name.clone(),
                format!("{:.3}", sampler.reward_mean),
                bounds(sampler.reward_interval),
                success(sampler),
            ];
            row.extend(costs(report, sampler));
            row.extend(sampler.timing.iter().flat_map(realtime::cells));
            if cut_short {
                row.extend(cut_short_cells(&sampler.cut_short));
            }
            if violated {
                row.push(format!("{:.1} %", 100.0 * sampler.violation_rate));
                row.push(format!("{:.0} %", 100.0 * sampler.violating_episodes));
            }
            row
        };
        Self { columns, rows: report.samplers.iter().map(row).collect() }
    }
}

fn is_batched(report: &Report) -> bool {
    report.environments > 1
}

/// What plans cost.
fn costs(report: &Report, sampler: &SamplerReport) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let ratio = |ratio: Option<f64>| or_none(ratio.map(|ratio| format!("{ratio:.2}×")));
    let work = format!("{:.1} / {:.0}", sampler.rounds_mean, sampler.evaluations_mean);
    if is_batched(report) {
        let Throughput { plans_per_second, plans_per_call, call_latency_ms, speedup, .. } = &sampler.throughput;
        let [rate, size] = [plans_per_second, plans_per_call].map(|value| format!("{value:.1}"));
        return vec![rate, size, format!("{:.1}", call_latency_ms.p50), work, ratio(*speedup)];
    }
    let (plan, action) = (sampler.sampling_latency_ms, sampler.per_action_latency_ms);
    if report.in_time.is_some() {
        return vec![or_none(plan.map(|plan| format!("{:.1} / {:.1}", plan.p50, plan.p99))), work];
    }
    vec![
        or_none(plan.map(|plan| format!("{:.1}", plan.p50))),
        or_none(plan.map(|plan| format!("{:.1}", plan.p99))),
        or_none(action.map(|action| format!("{:.2}", action.p50))),
        work,
        ratio(sampler.speedup),
    ]
}

/// A 95 % interval; a dash where there is none.
pub fn bounds(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "–".to_owned(), |Interval { low, high }| format!("{low:.3} – {high:.3}"))
}

/// A 95 % interval of a difference, to `digits`; or that there is none.
pub fn signed_bounds(interval: Option<Interval>, digits: usize) -> String {
    interval.map_or_else(
        || "no interval".to_owned(),
        |Interval { low, high }| format!("{low:+.digits$} to {high:+.digits$}"),
    )
}

/// The share of episodes that succeeded, with its interval.
pub fn success(sampler: &SamplerReport) -> String {
    let share = 100.0 * sampler.success_rate;
    match sampler.success_interval {
        Some(Interval { low, high }) => format!("{share:.0} % ({:.0} – {:.0})", 100.0 * low, 100.0 * high),
        None => format!("{share:.0} %"),
    }
}

/// What is to be known beside the table: that a run was stopped, differences between samplers, and what shared batches change.
pub fn notes(report: &Report) -> Vec<String> {
    let stopped = report.interrupted.map(|Interrupted { episodes_asked, episodes }| {
        format!("stopped before its end, after {episodes} of {episodes_asked} episodes; `run --resume` goes on")
    });
    let rounding = (report.environments > 1).then(|| {
        "plans of several environments share batches, and a batch of one row is rounded otherwise than a larger one: rewards may \
         differ from those of one environment from the fifth digit on"
            .to_owned()
    });
    stopped
        .into_iter()
        .chain(merged(&report.parts, &report.missing))
        .chain(differences(report))
        .chain(sequential_is_fastest(report))
        .chain(rounding)
        .collect()
}

/// Says so where nothing is gained by parallel rounds.
fn sequential_is_fastest(report: &Report) -> Option<String> {
    let (sequential, others): (Vec<_>, Vec<_>) =
        report.samplers.iter().partition(|sampler| sampler.name == Strategy::sequential().name());
    let slower = |sampler: &&SamplerReport| sampler.speedup.is_some_and(|speedup| speedup < 1.0);
    let is_fastest = !sequential.is_empty() && !others.is_empty() && others.iter().all(slower);
    is_fastest.then(|| {
        let steps = report.steps;
        format!("the fastest of these is sequential: in {steps} steps parallel rounds cost more here than they save")
    })
}

/// What a report was merged from, and what it lacks.
#[must_use]
pub fn merged(parts: &[Part], missing: &[Seeds]) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let mut machines: Vec<String> = Vec::new();
    for Part { machine: Machine { cpu, cores, .. }, .. } in parts {
        let machine = format!("{cpu}, {cores} cores");
        if !machines.contains(&machine) {
            machines.push(machine);
        }
    }
    let merged = format!("merged from {} reports, measured on: {}", parts.len(), machines.join("; "));
    let gap = |seeds: &Seeds| format!("missing: the episodes of seed {seeds}");
    [merged].into_iter().chain(missing.iter().map(gap)).collect()
}

/// Difference in reward to the first sampler, paired by seed.
pub fn differences(report: &Report) -> Vec<String> {
    let Some(first) = report.samplers.first() else { return Vec::new() };
    let line = |sampler: &SamplerReport| {
        let difference = sampler.reward_difference?;
        let Difference { mean, interval, .. } = difference;
        let (name, first, verdict) = (&sampler.name, &first.name, difference.verdict());
        let interval = interval.map_or_else(String::new, |_| format!("95 % interval {}: ", signed_bounds(interval, 4)));
        Some(format!("reward of {name} minus {first}'s, paired by seed: {mean:+.4} ({interval}{verdict})"))
    };
    report.samplers.iter().filter_map(line).collect()
}

/// Share of plans, and how far they moved in their last round.
pub const CUT_SHORT: [&str; 2] = ["cut short", "residual p50 / p90"];

/// Cells of [`CUT_SHORT`].
#[must_use]
pub fn cut_short_cells(cut_short: &CutShort) -> [String; 2] {
    let CutShort { share, residual_p50, residual_p90 } = cut_short;
    [format!("{:.0} %", 100.0 * share), format!("{residual_p50:.4} / {residual_p90:.4}")]
}

/// Share of control steps, and of episodes.
const VIOLATIONS: [&str; 2] = ["violations", "in episodes"];

/// A table with these columns.
#[must_use]
pub fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(columns.to_vec());
    table
}

/// All columns but the first stand to the right.
#[must_use]
pub fn finish(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // Names in it may be of strangers' files.
    table.trim_fmt()
}
