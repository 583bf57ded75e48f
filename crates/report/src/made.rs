//! When a report is made, and by which program.

use std::time::{Duration, SystemTime};

use parapolicy_eval::Made;

/// Today, and this program.
#[must_use]
pub fn made() -> Made {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let commit = option_env!("PARAPOLICY_COMMIT").filter(|commit| !commit.is_empty());
    Made { date: date(since), version: env!("CARGO_PKG_VERSION").into(), commit: commit.map(str::to_owned) }
}

/// The day, in UTC, so long after the first of January 1970: `2026-11-30`. After Hinnant's `civil_from_days`: eras of 400 years
/// that begin in March, in which day `d` is in year `(d − d/1460 + d/36524 − d/146096)/365`.
fn date(since: Duration) -> String {
    const DAY: u64 = 86_400;
    const ERA: u64 = 146_097;
    // From the first of March of the year 0.
    let days = since.as_secs() / DAY + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{:04}-{month:02}-{of_month:02}", era * 400 + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held to `date --utc --date @SECONDS +%F`.
    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_796_083_199, "2026-11-30"),
            (4_107_542_400, "2100-03-01"),
            (4_102_444_799, "2099-12-31"),
        ];
        for (seconds, day) in days {
            assert_eq!(date(Duration::from_secs(seconds)), day, "{seconds} s");
        }
    }
}
