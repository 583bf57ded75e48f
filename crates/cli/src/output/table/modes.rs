//! What a policy is torn between, on the terminal and on the page.

use super::Glance;
use crate::commands::modes::{ModeReport, ModesReport, Share, SituationReport};

/// All of it, as text.
pub fn render(report: &ModesReport) -> String {
    let below: String = sentences(report).iter().map(|line| format!("\n{line}")).collect();
    glance(report).render() + &below
}

/// A row a mode of one situation; of an episode, a row a situation.
pub fn glance(report: &ModesReport) -> Glance {
    match &report.situations[..] {
        [situation] => ways(report, situation),
        situations => Glance {
            columns: vec!["control step", "P(several ways)", "ways", "weights", "executed", "as intended before"],
            rows: situations.iter().map(row).collect(),
        },
    }
}

/// The modes of a situation.
pub fn ways(report: &ModesReport, situation: &SituationReport) -> Glance {
    let mut columns = vec!["way", "weight", "95 % interval", "plans", "P(on its own)", "plan that stands for it"];
    if report.demonstrations.is_some() {
        columns.extend(["demonstrated", "95 % interval"]);
    }
    let row = |mode: &ModeReport| {
        let stands = mode.medoid.map_or_else(|| "none".into(), |plan| format!("plan {plan}"));
        let mut cells = vec![
            name(mode),
            percent(mode.weight.mean),
            interval(mode.weight),
            mode.plans.to_string(),
            format!("{:.2}", mode.apart),
            stands,
        ];
        if report.demonstrations.is_some() {
            let shown = mode.demonstrated;
            cells.push(shown.map_or_else(String::new, |shown| percent(shown.mean)));
            cells.push(shown.map_or_else(String::new, interval));
        }
        cells
    };
    Glance { columns, rows: situation.modes.iter().map(row).collect() }
}

fn row(situation: &SituationReport) -> Vec<String> {
    let weights: Vec<String> =
        situation.modes.iter().map(|mode| format!("{} {}", name(mode), percent(mode.weight.mean))).collect();
    let of = |mode: Option<usize>| mode.and_then(|mode| situation.modes.get(mode)).map_or_else(|| "none".into(), name);
    vec![
        situation.step.map_or_else(String::new, |step| step.to_string()),
        format!("{:.2}", situation.torn()),
        situation.modes.iter().filter(|mode| !mode.rare).count().to_string(),
        weights.join(", "),
        of(situation.executed),
        of(situation.intended),
    ]
}

/// What a way is called.
pub fn name(mode: &ModeReport) -> String {
    let kind = if mode.lost {
        ", lost"
    } else if mode.rare {
        ", rare"
    } else {
        ""
    };
    format!("{}{kind}", mode.identity + 1)
}

/// What it comes to, in sentences.
pub fn sentences(report: &ModesReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let [situation] = &report.situations[..] {
        let numbers = situation.modes_probability.iter().enumerate().filter(|(_, share)| **share >= 0.005);
        let numbers: Vec<String> = numbers.map(|(number, share)| format!("{number}: {}", percent(*share))).collect();
        lines.push(format!("P(number of ways), those of under 1 % of the plans not counted: {}", numbers.join(", ")));
    } else {
        let torn: Vec<&SituationReport> = report.situations.iter().filter(|one| one.torn() > 0.5).collect();
        let steps = |situations: &[&SituationReport]| {
            let steps = situations.iter().filter_map(|one| one.step).map(|step| step.to_string());
            steps.collect::<Vec<_>>().join(", ")
        };
        let all = report.situations.len();
        lines.push(match torn.len() {
            0 => format!("at none of {all} observations is the policy torn between several ways"),
            count => {
                format!("torn between several ways at {count} of {all} observations: control steps {}", steps(&torn))
            }
        });
        let changed: Vec<&SituationReport> = report.situations.iter().filter(|one| one.changed()).collect();
        lines.push(match changed.len() {
            0 => "no plan goes another way than the plan before had intended".into(),
            count => format!(
                "plans that go another way than the plan before had intended: {count}, at control steps {}",
                steps(&changed)
            ),
        });
    }
    if let Some(near) = &report.demonstrations {
        let [half, most] = near.distance_px;
        lines.push(format!(
            "{} demonstrations come near, half of them within {half:.0} px, the others within {most:.0} px",
            near.near
        ));
        let lost = report.situations.iter().flat_map(|one| &one.modes).filter(|mode| mode.lost).count();
        lines.push(match lost {
            0 => "the policy has lost no way that they show".into(),
            count => format!("the policy has lost {count} of the ways that they show"),
        });
    }
    lines
}

/// A share in percent: to a whole one, small ones to a tenth.
pub fn percent(share: f64) -> String {
    if share < 0.0995 { format!("{:.1} %", 100.0 * share) } else { format!("{:.0} %", 100.0 * share) }
}

/// An interval of shares.
pub fn interval(share: Share) -> String {
    share.interval.map(percent).join(" to ")
}
