//! Tables of a latency study.

use parapolicy_eval::realtime::SmoothnessReport;
use parapolicy_eval::study::{Group, Row, Study, Varied};
use parapolicy_eval::{Difference, Interrupted, SamplerReport};

use super::{Glance, bounds, merged, signed_bounds, success};

/// The rows in which one thing was varied, the scenarios below each other.
pub struct Section {
    pub title: String,
    pub glance: Glance,
}

/// One table a thing that is varied; then whether the claim holds, and how far the network computes from f32.
pub fn render_study(study: &Study) -> String {
    let table = |Section { title, glance }: Section| format!("{title}\n{}\n\n", glance.render());
    let below = claims(study).into_iter().chain(study.deviation.iter().map(ToString::to_string));
    sections(study).into_iter().map(table).collect::<String>() + &below.collect::<Vec<_>>().join("\n")
}

/// One section a thing that is varied.
pub fn sections(study: &Study) -> Vec<Section> {
    let section = |varied: Varied| {
        let groups: Vec<&Group> = study.groups.iter().filter(|group| group.varied == varied).collect();
        let row = groups.first()?.rows.first()?;
        let (title, column) = match varied {
            Varied::Latency => (format!("latency, as stated; plans asked for: {}", asked(&row.replan)), "latency ms"),
            Varied::Replan => {
                let latency = row.latency_ms.unwrap_or_default();
                (format!("replanning interval; latency {latency:.0} ms, as stated"), "plan every")
            }
            Varied::Sampler => {
                (format!("samplers, at their latencies here; plans asked for: {}", asked(&row.replan)), "sampler")
            }
        };
        let rows = groups.iter().flat_map(|group| group.rows.iter().map(|row| cells(group, row)));
        Some(Section { title, glance: Glance { columns: columns(column), rows: rows.collect() } })
    };
    [Varied::Latency, Varied::Replan, Varied::Sampler].into_iter().filter_map(section).collect()
}

fn columns(varied: &'static str) -> Vec<&'static str> {
    let less = "minus the first row's (95 %)";
    let figures = [
        "reward",
        "95 % interval",
        less,
        "success (95 %)",
        "plan p50 ms",
        "age p50 / p99 ms",
        "late / no plan",
        "jump",
        "jerk / s³",
    ];
    ["scenario", "rule", varied].into_iter().chain(figures).collect()
}

fn cells(group: &Group, Row { latency_ms, replan, result }: &Row) -> Vec<String> {
    let varied = match group.varied {
        Varied::Latency => format!("{:.0}", latency_ms.unwrap_or_default()),
        Varied::Replan => replan.clone(),
        Varied::Sampler => result.name.clone(),
    };
    let SamplerReport { reward_mean, reward_interval, .. } = result;
    let timing = result.timing.map(|timing| super::realtime::cells(&timing)).unwrap_or_default();
    let mut cells =
        vec![group.scenario.clone(), group.rule.clone(), varied, format!("{reward_mean:.3}"), bounds(*reward_interval)];
    cells.push(result.reward_difference.map_or_else(|| "–".to_owned(), |difference| shown(&difference)));
    cells.push(success(result));
    cells.push(result.sampling_latency_ms.map_or_else(|| "–".to_owned(), |plan| format!("{:.1}", plan.p50)));
    cells.extend(timing);
    let smoothness = result.timing.and_then(|timing| timing.smoothness);
    let shown = |value: fn(&SmoothnessReport) -> f64| {
        smoothness.as_ref().map_or_else(|| "–".to_owned(), |smoothness| significant(value(smoothness)))
    };
    cells.extend([shown(|smoothness| smoothness.jump_rms), shown(|smoothness| smoothness.jerk_rms)]);
    cells
}

/// Whether a study was stopped or merged, and whether a faster sampler gets more reward, scenario by scenario.
pub fn claims(study: &Study) -> Vec<String> {
    let stopped = study.interrupted.map(|Interrupted { episodes_asked, episodes }| {
        format!(
            "stopped before its end, after {episodes} of {episodes_asked} episodes; `study latency --resume` goes on"
        )
    });
    let claims = study.groups.iter().filter(|group| group.varied == Varied::Sampler).flat_map(claims_of);
    stopped.into_iter().chain(merged(&study.parts, &study.missing)).chain(claims).collect()
}

/// When plans are asked for, in words.
fn asked(replan: &str) -> String {
    if replan.parse::<usize>().is_ok() { format!("every {replan} control steps") } else { replan.to_owned() }
}

/// Three significant digits.
fn significant(value: f64) -> String {
    let digits = 2 - value.abs().max(1e-9).log10().floor() as i32;
    format!("{value:.*}", usize::try_from(digits).unwrap_or_default())
}

fn shown(difference: &Difference) -> String {
    format!("{:+.3} ({})", difference.mean, signed_bounds(difference.interval, 3))
}

/// Whether a sampler got more reward than the first one, by the confidence interval.
fn claims_of(group: &Group) -> Vec<String> {
    let Some(first) = group.rows.first() else { return Vec::new() };
    let claim = |row: &Row| {
        let difference = row.result.reward_difference?;
        let (name, other, scenario) = (&row.result.name, &first.result.name, &group.scenario);
        let verdict = difference.verdict();
        Some(format!("{scenario}: reward of {name} against {other}: {verdict}: {}", shown(&difference)))
    };
    group.rows.iter().filter_map(claim).collect()
}
