//! Compares two reports sampler by sampler.

use std::collections::BTreeSet;

use super::{Difference, Report, SamplerReport};

/// Comparison of two reports. Arrays of two hold the first report's value, then the second's.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<'a> {
    /// Samplers of the same name; or where each report has a single one, those two.
    pub pairs: Vec<Pair<'a>>,
    /// Samplers that are in one report alone.
    pub only: [Vec<&'a str>; 2],
    /// Settings that differ between the reports.
    pub differing: Vec<Differing>,
}

/// Two samplers side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair<'a> {
    /// Their reports.
    pub samplers: [&'a SamplerReport; 2],
    /// Reward of the second minus reward of the first, paired by seed; none without a seed in both.
    pub difference: Option<Difference>,
    /// Seeds in both.
    pub common: usize,
    /// Seeds that are in one alone.
    pub only: [Vec<u64>; 2],
}

/// A setting that differs between two reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Name of the setting.
    pub what: &'static str,
    /// Its two values.
    pub values: [String; 2],
}

impl<'a> Comparison<'a> {
    /// Compares two reports.
    #[must_use]
    pub fn new(reports: [&'a Report; 2]) -> Self {
        let [first, second] = reports.map(|report| &report.samplers[..]);
        let differing = differing(reports);
        if let ([one], [other]) = (first, second) {
            return Self { pairs: vec![Pair::new([one, other])], only: [vec![], vec![]], differing };
        }
        let named = |samplers: &'a [SamplerReport], name: &str| samplers.iter().find(|sampler| sampler.name == name);
        let pair = |sampler: &'a SamplerReport| Some(Pair::new([sampler, named(second, &sampler.name)?]));
        let only = |of: &'a [SamplerReport], other: &'a [SamplerReport]| {
            let names = of.iter().map(|sampler| sampler.name.as_str());
            names.filter(|name| named(other, name).is_none()).collect()
        };
        Self {
            pairs: first.iter().filter_map(pair).collect(),
            only: [only(first, second), only(second, first)],
            differing,
        }
    }
}

impl<'a> Pair<'a> {
    fn new(samplers: [&'a SamplerReport; 2]) -> Self {
        let [first, second] = samplers.map(|sampler| &sampler.episodes[..]);
        let seeds =
            |sampler: &SamplerReport| sampler.episodes.iter().map(|episode| episode.seed).collect::<BTreeSet<_>>();
        let [before, after] = samplers.map(seeds);
        Self {
            samplers,
            difference: Difference::between(first, second),
            common: before.intersection(&after).count(),
            only: [before.difference(&after).copied().collect(), after.difference(&before).copied().collect()],
        }
    }
}

fn differing(reports: [&Report; 2]) -> Vec<Differing> {
    type Says = fn(&Report) -> String;
    let in_time: [(&str, Says); 6] = [
        ("clock", |report| report.in_time.as_ref().map_or_else(|| "lockstep".into(), |in_time| in_time.clock.clone())),
        ("rate, Hz", |report| report.in_time.as_ref().map_or_else(none, |in_time| in_time.rate_hz.to_string())),
        ("replanning", |report| report.in_time.as_ref().map_or_else(none, |in_time| in_time.replan.clone())),
        ("blending", |report| report.in_time.as_ref().map_or_else(none, |in_time| in_time.blend.clone())),
        ("when plans run out", |report| report.in_time.as_ref().map_or_else(none, |in_time| in_time.late.clone())),
        ("latency", |report| report.in_time.as_ref().and_then(|in_time| in_time.latency.clone()).unwrap_or_else(none)),
    ];
    let rest: [(&str, Says); 12] = [
        ("scenario", |report| report.scenario.clone()),
        ("model", |report| report.model.name.clone()),
        ("graph, SHA-256", |report| report.model.sha256.clone()),
        ("solver", |report| report.solver.clone()),
        ("steps", |report| report.steps.to_string()),
        ("environments", |report| report.environments.to_string()),
        ("stopped before its end", |report| {
            let stopped =
                report.interrupted.map(|so_far| format!("{} of {} episodes", so_far.episodes, so_far.episodes_asked));
            stopped.unwrap_or_else(|| "no".into())
        }),
        ("processor", |report| report.machine.cpu.clone()),
        ("cores", |report| report.machine.cores.to_string()),
        ("threads of the network", |report| report.machine.threads.to_string()),
        ("inference", |report| report.machine.runtime.clone()),
        ("system", |report| report.machine.os.clone()),
    ];
    let said = rest.into_iter().chain(in_time).map(|(what, says)| Differing { what, values: reports.map(says) });
    said.filter(|Differing { values: [one, other], .. }| one != other).collect()
}

fn none() -> String {
    "none".into()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::{Episode, Machine, Model, Roofline, SCHEMA_VERSION, SamplerRun, Verdict};

    fn report(samplers: &[(&str, &[(u64, f64)])]) -> Report {
        let run = |(name, episodes): &(&str, &[(u64, f64)])| {
            let mut run = SamplerRun::new((*name).into(), None, None);
            episodes.iter().for_each(|&(seed, reward)| run.add(&Episode { seed, reward, ..Episode::default() }));
            run
        };
        let runs: Vec<SamplerRun> = samplers.iter().map(run).collect();
        let text = || "text".to_owned();
        Report {
            schema_version: SCHEMA_VERSION,
            command: vec![],
            made: None,
            machine: Machine { cpu: text(), cores: 2, threads: 2, os: text(), runtime: text(), precision: None },
            roofline: Roofline::Unknown(text()),
            deviation: None,
            model: Model { name: text(), sha256: text() },
            environment: "pusht".into(),
            period_ms: None,
            scenario: text(),
            solver: text(),
            steps: 10,
            environments: 1,
            in_time: None,
            interrupted: None,
            shard: None,
            parts: Vec::new(),
            missing: Vec::new(),
            samplers: SamplerRun::reports(&runs.iter().collect::<Vec<_>>()).unwrap(),
        }
    }

    #[test]
    fn samplers_are_paired_by_name_and_episodes_by_seed() {
        let before = report(&[("sequential", &[(1, 0.5)]), ("picard", &[(1, 0.2), (2, 0.4), (3, 0.9)])]);
        let after = report(&[("picard", &[(4, 0.1), (3, 1.0), (2, 0.5)]), ("blocks", &[(1, 0.5)])]);
        let comparison = Comparison::new([&before, &after]);
        assert_eq!(comparison.only, [vec!["sequential"], vec!["blocks"]]);
        let [pair] = &comparison.pairs[..] else { panic!("one is in both") };
        assert_eq!((pair.common, &pair.only), (2, &[vec![1], vec![4]]));
        let difference = pair.difference.unwrap();
        approx::assert_relative_eq!(difference.mean, 0.1, epsilon = 1e-12);
        assert_eq!((difference.seeds, difference.interval, difference.verdict()), (2, None, Verdict::TooFew));
    }

    #[test]
    fn single_samplers_are_paired_whatever_their_names() {
        let (before, after) = (report(&[("sequential", &[(1, 0.5)])]), report(&[("picard", &[(2, 0.5)])]));
        let comparison = Comparison::new([&before, &after]);
        let [pair] = &comparison.pairs[..] else { panic!("one each") };
        assert_eq!((pair.common, pair.difference, &pair.only), (0, None, &[vec![1], vec![2]]));
    }

    #[test]
    fn what_differs_is_said() {
        let (before, mut after) = (report(&[("picard", &[(1, 0.5)])]), report(&[("picard", &[(1, 0.5)])]));
        assert_eq!(Comparison::new([&before, &after]).differing, []);
        (after.steps, after.machine.threads) = (20, 1);
        let expected = [
            Differing { what: "steps", values: ["10", "20"].map(str::to_owned) },
            Differing { what: "threads of the network", values: ["2", "1"].map(str::to_owned) },
        ];
        assert_eq!(Comparison::new([&before, &after]).differing, expected);
    }
}
