//! Table of what `tune` measured.

use parapolicy_control::tuned::{Earned, LeftOut, Measured, Tuned, Verdict};

use super::{Glance, signed_bounds};

/// The settings at a glance, and what is to be known of them.
pub fn render_tuned(tuned: &Tuned) -> String {
    let lines: String = notes(tuned).into_iter().map(|line| format!("\n{line}")).collect();
    glance(tuned).render() + &lines
}

/// A row a setting, the reference first.
pub fn glance(tuned: &Tuned) -> Glance {
    let mut columns = vec!["setting", "plan p50 ms", "p95 ms", "distance (95 %)"];
    let played = tuned.settings.iter().any(|measured| measured.reward.is_some());
    if played {
        columns.extend(["reward", "minus the reference's (95 %)", "success"]);
    }
    columns.push("worse?");
    let row = |(index, measured): (usize, &Measured)| {
        let Measured { setting, latency_ms, distance, reward, .. } = measured;
        let unsteady = if measured.is_unsteady() { "~" } else { "" };
        let mut cells = vec![
            format!("{} {setting}", index + 1),
            format!("{unsteady}{:.1}", latency_ms.p50),
            format!("{unsteady}{:.1}", latency_ms.p95),
            format!("{:+.4} ({})", distance.mean, signed_bounds(distance.interval, 4)),
        ];
        if played {
            cells.extend(reward_cells(*reward));
        }
        cells.push(verdict(tuned, index).to_owned());
        cells
    };
    Glance { columns, rows: tuned.settings.iter().enumerate().map(row).collect() }
}

fn reward_cells(reward: Option<Earned>) -> [String; 3] {
    let none = || "–".to_owned();
    let Some(Earned { mean, success, difference }) = reward else { return [none(), none(), none()] };
    let difference =
        difference.map_or_else(none, |found| format!("{:+.3} ({})", found.mean, signed_bounds(found.interval, 3)));
    [format!("{mean:.3}"), difference, format!("{:.0} %", 100.0 * success)]
}

fn verdict(tuned: &Tuned, index: usize) -> &'static str {
    match tuned.verdict(&tuned.settings[index]) {
        _ if index == 0 => "reference",
        Some(Verdict::Like) => "no",
        Some(Verdict::Unclear) => "not shown",
        Some(Verdict::Worse) => "yes",
        None => "outdone",
    }
}

/// What counts as worse, which settings were left out and why, and whether times are to be believed.
pub fn notes(tuned: &Tuned) -> Vec<String> {
    let Tuned { conditions, margins, load, settings, left_out, .. } = tuned;
    let played = settings.iter().any(|measured| measured.reward.is_some());
    let by = match played {
        true => {
            format!("reward of {} episodes, up to {} less than the reference's", conditions.episodes, margins.reward)
        }
        false => format!("energy distance of the plans, up to {} (normalised units)", margins.distance),
    };
    let measured = format!(
        "{} plans for each of {} observations ({}); worse or not by {by}: `no` and `yes` beyond chance",
        conditions.plans, conditions.observations, conditions.observed
    );
    let differences = settings.iter().filter_map(|measured| measured.reward?.difference);
    let stopped = differences.map(|difference| difference.count as u64).find(|count| *count < conditions.episodes);
    let stopped =
        stopped.map(|count| format!("stopped before its end, after {count} of {} episodes", conditions.episodes));
    let dropped = settings.iter().enumerate().filter_map(|(index, measured)| {
        Some(format!("no episodes with {}: {}", index + 1, measured.dropped.as_ref()?))
    });
    let left_out = left_out.iter().map(|LeftOut { setting, why }| format!("not measured: {setting} ({why})"));
    let unsteady = settings.iter().filter(|measured| measured.is_unsteady()).count();
    let unsteady =
        (unsteady > 0).then(|| "~ times changed by more than 30 % from one half of the plans to the other".to_owned());
    let [before, after] = load.row_ms;
    let busy = load.busy.then(|| {
        format!(
            "the machine was busy (one row took {before:.2} ms before and {after:.2} ms after): do not believe these times, \
             measure again when nothing else runs"
        )
    });
    std::iter::once(measured).chain(stopped).chain(dropped).chain(left_out).chain(unsteady).chain(busy).collect()
}
