//! Which setting to take for plans within a time.

use std::fmt;
use std::time::Duration;

use super::{Estimate, Measured, Tuned, Verdict, Wanted};

/// The median may change by this much between halves of the plans before times are not believed.
const STEADY: f64 = 1.3;

/// What is recommended for plans within a time. Its text is a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation<'a> {
    /// The time.
    pub within: Duration,
    /// The fastest setting that may be taken.
    pub best: &'a Measured,
    /// What is known of it beside the reference.
    pub verdict: Verdict,
    /// Whether 95 % of its plans are within the time.
    pub fits: bool,
    /// Of those that are within the time and may be taken, the one whose plans' distribution is nearest to the reference's.
    pub nearest: Option<&'a Measured>,
    /// What settings were compared by: reward, or else the distance of plans.
    by_reward: bool,
}

impl<'a> Recommendation<'a> {
    pub(super) fn of(tuned: &'a Tuned, within: Duration, wanted: &Wanted) -> Option<Self> {
        let may_be_taken = |measured: &&Measured| {
            wanted.admits(&measured.setting) && tuned.verdict(measured).is_some_and(|verdict| verdict != Verdict::Worse)
        };
        let candidates: Vec<&Measured> = tuned.settings.iter().filter(may_be_taken).collect();
        let in_time = |measured: &&&Measured| measured.latency_ms.p95 <= 1e3 * within.as_secs_f64();
        let by = |key: fn(&Measured) -> f64| move |a: &&&Measured, b: &&&Measured| key(a).total_cmp(&key(b));
        let fastest = by(|measured| measured.latency_ms.p50);
        let best = candidates.iter().filter(in_time).min_by(&fastest);
        let fits = best.is_some();
        let best = *best.or_else(|| candidates.iter().min_by(&fastest))?;
        let nearest = candidates.iter().filter(in_time).min_by(by(|measured| measured.distance.mean)).copied();
        let verdict = tuned.verdict(best)?;
        Some(Self { within, best, verdict, fits, nearest, by_reward: best.reward.is_some() })
    }

    /// What it was compared by, in words.
    fn comparison(&self) -> String {
        let Measured { distance, reward, .. } = self.best;
        let (what, compared): (_, Option<Estimate>) = match (self.by_reward, reward) {
            (true, Some(reward)) => ("reward beside the reference's", reward.difference),
            _ => ("energy distance of its plans", Some(*distance)),
        };
        let Some(compared) = compared else { return "it is the reference".to_owned() };
        let verdict = match self.verdict {
            Verdict::Like => "not worse beyond the margin",
            Verdict::Unclear => "not shown to be worse",
            Verdict::Worse => "worse",
        };
        format!("{what} {compared}: {verdict}")
    }
}

impl Measured {
    /// Whether its times changed so much while they were measured that something else must have run.
    #[must_use]
    pub fn is_unsteady(&self) -> bool {
        self.drift > STEADY
    }
}

/// For plans within 20ms take sequential on ddim in 5 steps, 2 threads: 1.6 ms (p95 1.9); …
impl fmt::Display for Recommendation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (within, best) = (humantime::format_duration(self.within), self.best);
        let (setting, [p50, p95]) = (&best.setting, [best.latency_ms.p50, best.latency_ms.p95]);
        if self.fits {
            write!(f, "for plans within {within} take {setting}: {p50:.1} ms (95 % within {p95:.1})")?;
        } else {
            write!(
                f,
                "no setting draws 95 % of its plans within {within}; the fastest is {setting}: {p50:.1} ms (95 % within {p95:.1})"
            )?;
        }
        write!(f, "; {}", self.comparison())?;
        if best.is_unsteady() {
            write!(f, "; its times changed by {:.1}× while they were measured: measure again", best.drift)?;
        }
        match self.nearest.filter(|nearest| nearest.setting != best.setting) {
            Some(Measured { setting, latency_ms, distance, .. }) => {
                write!(
                    f,
                    ". Nearest to the reference's plans in that time: {setting}, {:.1} ms, distance {distance}",
                    latency_ms.p50
                )
            }
            None => Ok(()),
        }
    }
}
