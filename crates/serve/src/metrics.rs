//! Counters, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Upper bounds of the latency's buckets, in seconds.
const BUCKETS: [f64; 11] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// What a policy's clients and its planner did so far.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that are open.
    pub open: AtomicU64,
    /// Connections so far.
    pub connections: AtomicU64,
    /// Episodes so far whose seed no client has named.
    pub episodes: AtomicU64,
    /// Plans that are being drawn.
    pub planning: AtomicU64,
    rounds: AtomicU64,
    rows: AtomicU64,
    round_nanoseconds: AtomicU64,
    plans: AtomicU64,
    cut_short: AtomicU64,
    latency_nanoseconds: AtomicU64,
    buckets: [AtomicU64; BUCKETS.len()],
    /// By their codes; there are few.
    refusals: Mutex<Vec<(&'static str, u64)>>,
}

impl Metrics {
    /// Counts a round of so many rows.
    pub fn round(&self, rows: usize, time: Duration) {
        self.rounds.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows as u64, Relaxed);
        self.round_nanoseconds.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    /// Counts a plan that was handed out.
    pub fn plan(&self, latency: Duration, cut_short: bool) {
        self.plans.fetch_add(1, Relaxed);
        self.cut_short.fetch_add(cut_short.into(), Relaxed);
        self.latency_nanoseconds.fetch_add(latency.as_nanos() as u64, Relaxed);
        let seconds = latency.as_secs_f64();
        let within = BUCKETS.iter().zip(&self.buckets).filter(|(bound, _)| seconds <= **bound);
        within.for_each(|(_, bucket)| _ = bucket.fetch_add(1, Relaxed));
    }

    /// Counts a refusal.
    pub fn refuse(&self, code: &'static str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match refusals.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => refusals.push((code, 1)),
        }
    }
}

/// A family of metrics: its name, what it is, its type, and its value.
type Family = (&'static str, &'static str, &'static str, fn(&Metrics) -> f64);

const FAMILIES: [Family; 8] = [
    ("connections", "Connections that are open.", "gauge", |metrics| metrics.open.load(Relaxed) as f64),
    ("connections_total", "Connections so far.", "counter", |metrics| metrics.connections.load(Relaxed) as f64),
    ("planning", "Plans that are being drawn.", "gauge", |metrics| metrics.planning.load(Relaxed) as f64),
    ("rounds_total", "Calls of the network.", "counter", |metrics| metrics.rounds.load(Relaxed) as f64),
    ("rows_total", "Rows of all plans in these calls.", "counter", |metrics| metrics.rows.load(Relaxed) as f64),
    ("round_seconds_total", "Time of these calls.", "counter", |metrics| {
        Duration::from_nanos(metrics.round_nanoseconds.load(Relaxed)).as_secs_f64()
    }),
    ("plans_total", "Plans that were handed out.", "counter", |metrics| metrics.plans.load(Relaxed) as f64),
    ("plans_cut_short_total", "Those of them that a deadline cut short.", "counter", |metrics| {
        metrics.cut_short.load(Relaxed) as f64
    }),
];

/// The metrics of policies by their names, as Prometheus reads them.
pub fn text<'a>(policies: impl Iterator<Item = (&'a str, &'a Metrics)> + Clone) -> String {
    let mut text = String::new();
    for (name, help, kind, value) in FAMILIES {
        let _ = writeln!(text, "# HELP parapolicy_{name} {help}\n# TYPE parapolicy_{name} {kind}");
        for (policy, metrics) in policies.clone() {
            let _ = writeln!(text, "parapolicy_{name}{{policy=\"{policy}\"}} {}", value(metrics));
        }
    }
    let _ = writeln!(
        text,
        "# HELP parapolicy_refusals_total Refusals by their codes.\n# TYPE parapolicy_refusals_total counter"
    );
    for (policy, metrics) in policies.clone() {
        for (code, count) in &*metrics.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let _ = writeln!(text, "parapolicy_refusals_total{{policy=\"{policy}\",code=\"{code}\"}} {count}");
        }
    }
    let _ = writeln!(
        text,
        "# HELP parapolicy_plan_seconds From an observation's arrival to its plan.\n# TYPE parapolicy_plan_seconds histogram"
    );
    for (policy, metrics) in policies {
        for (bound, bucket) in BUCKETS.iter().zip(&metrics.buckets) {
            let _ = writeln!(
                text,
                "parapolicy_plan_seconds_bucket{{policy=\"{policy}\",le=\"{bound}\"}} {}",
                bucket.load(Relaxed)
            );
        }
        let (count, sum) = (metrics.plans.load(Relaxed), metrics.latency_nanoseconds.load(Relaxed));
        let _ = writeln!(text, "parapolicy_plan_seconds_bucket{{policy=\"{policy}\",le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "parapolicy_plan_seconds_sum{{policy=\"{policy}\"}} {}", sum as f64 * 1e-9);
        let _ = writeln!(text, "parapolicy_plan_seconds_count{{policy=\"{policy}\"}} {count}");
    }
    text
}
