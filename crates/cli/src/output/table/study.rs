use parapolicy_control::{Difference, Interval, SamplerReport};

use super::{finish, table};
use crate::commands::study::{Group, Row, Study, Varied};

/// One table a thing that is varied, the scenarios below each other; then what became of the claim.
pub fn render_study(study: &Study) -> String {
    let mut text = String::new();
    for varied in [Varied::Latency, Varied::Replan, Varied::Sampler] {
        let groups: Vec<&Group> = study.groups.iter().filter(|group| group.varied == varied).collect();
        let Some(row) = groups.first().and_then(|group| group.rows.first()) else { continue };
        let (title, column) = match varied {
            Varied::Latency => (format!("latency, as stated; a plan every {} control steps", row.replan), "latency ms"),
            Varied::Replan => {
                let latency = row.latency_ms.unwrap_or_default();
                (format!("replanning interval; latency {latency:.0} ms, as stated"), "plan every")
            }
            Varied::Sampler => {
                (format!("samplers, at their latencies here; a plan every {} steps", row.replan), "sampler")
            }
        };
        text += &format!("{title}\n{}\n\n", render(&groups, column));
    }
    let claims = study.groups.iter().filter(|group| group.varied == Varied::Sampler).flat_map(claims);
    text + &claims.collect::<Vec<_>>().join("\n")
}

fn render(groups: &[&Group], column: &str) -> String {
    let less = "less the first row's (95 %)";
    let mut table = table(&[
        "scenario",
        column,
        "reward",
        "95 % interval",
        less,
        "success",
        "plan p50 ms",
        "age p50 / p99 ms",
        "late / no plan",
    ]);
    for group in groups {
        for Row { latency_ms, replan, result } in &group.rows {
            let varied = match group.varied {
                Varied::Latency => format!("{:.0}", latency_ms.unwrap_or_default()),
                Varied::Replan => replan.to_string(),
                Varied::Sampler => result.name.clone(),
            };
            let SamplerReport { reward_mean, reward_interval: Interval { low, high }, success_rate, .. } = result;
            let timing = result.timing.map(|timing| super::in_time::cells(&timing)).unwrap_or_default();
            let mut cells =
                vec![group.scenario.clone(), varied, format!("{reward_mean:.3}"), format!("{low:.3} – {high:.3}")];
            cells.push(result.reward_difference.map_or_else(|| "–".to_owned(), |difference| shown(&difference)));
            cells.push(format!("{:.0} %", 100.0 * success_rate));
            cells.push(result.sampling_latency_ms.map_or_else(|| "–".to_owned(), |plan| format!("{:.1}", plan.p50)));
            cells.extend(timing);
            table.add_row(cells);
        }
    }
    finish(table)
}

fn shown(Difference { mean, interval: Interval { low, high } }: &Difference) -> String {
    format!("{mean:+.3} ({low:+.3} to {high:+.3})")
}

/// Whether a sampler earned more than the first one, as far as these seeds tell.
fn claims(group: &Group) -> Vec<String> {
    let Some(first) = group.rows.first() else { return Vec::new() };
    let claim = |row: &Row| {
        let difference = row.result.reward_difference?;
        let verdict = match difference.interval {
            Interval { low, .. } if low > 0.0 => "more than",
            Interval { high, .. } if high < 0.0 => "less than",
            _ => "not distinguishably other than",
        };
        let (name, other, scenario) = (&row.result.name, &first.result.name, &group.scenario);
        Some(format!("{scenario}: {name} earned {verdict} {other}: {}", shown(&difference)))
    };
    group.rows.iter().filter_map(claim).collect()
}
