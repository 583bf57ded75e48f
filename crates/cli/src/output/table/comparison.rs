//! Table that compares two reports.

use parapolicy_eval::{Comparison, Difference, Pair, SamplerReport};

use super::{Glance, signed_bounds, success};

/// The reports' letters.
pub const LETTERS: [&str; 2] = ["A", "B"];

/// A row a pair of samplers.
pub fn glance(comparison: &Comparison<'_>) -> Glance {
    let mut samplers = comparison.pairs.iter().flat_map(|pair| pair.samplers);
    let batched = samplers.any(|sampler| sampler.sampling_latency_ms.is_none());
    let columns = vec![
        "sampler",
        "reward A | B",
        "B minus A, paired by seed (95 %)",
        "seeds",
        "success A | B (95 %)",
        if batched { "call p50 ms A | B" } else { "plan p50 ms A | B" },
        "rounds / evaluations A | B",
    ];
    Glance { columns, rows: comparison.pairs.iter().map(row).collect() }
}

fn row(pair: &Pair<'_>) -> Vec<String> {
    let both = |figure: fn(&SamplerReport) -> String| pair.samplers.map(figure).join(" | ");
    vec![
        name(pair),
        both(|sampler| format!("{:.3}", sampler.reward_mean)),
        pair.difference.map_or_else(|| "–".to_owned(), |difference| shown(&difference)),
        pair.common.to_string(),
        both(success),
        both(|sampler| format!("{:.1}", sampler.throughput.call_latency_ms.p50)),
        both(|sampler| format!("{:.1} / {:.0}", sampler.rounds_mean, sampler.evaluations_mean)),
    ]
}

/// What a pair is called.
pub fn name(pair: &Pair<'_>) -> String {
    let [first, second] = pair.samplers.map(|sampler| sampler.name.as_str());
    if first == second { first.to_owned() } else { format!("{first} | {second}") }
}

fn shown(difference: &Difference) -> String {
    format!("{:+.4} ({})", difference.mean, signed_bounds(difference.interval, 4))
}

/// Which of a pair earned more, in words.
pub fn verdicts(comparison: &Comparison<'_>) -> Vec<String> {
    let words =
        |pair: &Pair<'_>| Some(format!("{}, reward in B against A: {}", name(pair), pair.difference?.verdict()));
    comparison.pairs.iter().filter_map(words).collect()
}

/// Two reports side by side, as text; `names` are theirs.
pub fn render_comparison(comparison: &Comparison<'_>, names: &[String; 2]) -> String {
    let letters = LETTERS.iter().zip(names).map(|(letter, name)| format!("{letter}: {name}"));
    let differing = comparison.differing.iter().map(|differing| {
        let [first, second] = &differing.values;
        format!("{}: {first} | {second}", differing.what)
    });
    let lines =
        letters.chain(verdicts(comparison)).chain(missing(comparison)).chain(differing).map(|line| format!("\n{line}"));
    glance(comparison).render() + &lines.collect::<String>()
}

/// Samplers and seeds that are in one report only.
pub fn missing(comparison: &Comparison<'_>) -> Vec<String> {
    let samplers = LETTERS.iter().zip(&comparison.only).filter(|(_, only)| !only.is_empty());
    let samplers = samplers.map(|(letter, only)| format!("only in {letter}: {}", only.join("; ")));
    let episodes = comparison.pairs.iter().flat_map(|pair| {
        let sides = LETTERS.iter().zip(&pair.only).filter(|(_, only)| !only.is_empty());
        sides.map(move |(letter, only)| format!("{}, only in {letter}: seeds {}", name(pair), ranges(only)))
    });
    samplers.chain(episodes).collect()
}

/// Rising numbers, runs of them as `first–last`.
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let texts = runs.map(|run| match run {
        [first, .., last] => format!("{first}–{last}"),
        run => run.iter().map(ToString::to_string).collect(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_are_told_by_their_ends() {
        assert_eq!(ranges(&[3]), "3");
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1–3, 7, 9–10");
        assert_eq!(ranges(&[u64::MAX - 1, u64::MAX]), format!("{}–{}", u64::MAX - 1, u64::MAX));
    }
}
