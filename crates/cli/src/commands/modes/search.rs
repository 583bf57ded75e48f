//! From drawn plans to modes.

use ndarray::{Array2, Array3, ArrayView2, Axis, concatenate, s};
use parapolicy_modes::{Features, Mode, ModeSummary, Search, medoid};
use parapolicy_policy::Network;

use super::demonstrations::Near;
use super::report::{Identity, ModeReport, NearReport, SituationReport};
use super::{Drawn, Situation, normalized};
use crate::args::ModesArguments;
use crate::failure::{Failure, InputError as _};

/// A plan that is farther than so many scales from every plan that was drawn is of no mode.
const FAR: f64 = 4.0;
/// A plan goes on as another if that is within so many scales of what it had intended.
const ALIKE: f64 = 8.0;
/// A way is lost whose weight is less than this share of its weight among demonstrations.
const LOST: f64 = 0.1;

/// What was found.
pub struct Found {
    pub kept: f64,
    pub demonstrations: Option<NearReport>,
    pub identities: Vec<Identity>,
    pub situations: Vec<SituationReport>,
}

/// Modes of every situation.
pub fn search(
    arguments: &ModesArguments,
    policy: &Network,
    situations: &[Situation],
    drawn: &[Drawn],
    near: Option<&Near>,
) -> Result<Found, Failure> {
    let mut search = Search::new(arguments.scale);
    search.seed = arguments.seed;
    match (situations, drawn, near) {
        ([situation], [drawn], None) => {
            let features = Features::new(drawn.compared.view(), &vec![0; drawn.compared.len_of(Axis(0))]).input()?;
            let summary = search.points(features.points.view()).input()?;
            let identities: Vec<usize> = (0..summary.modes.len()).collect();
            Ok(Found {
                kept: features.kept,
                demonstrations: None,
                identities: counted(&[&summary], std::slice::from_ref(&identities)),
                situations: vec![report(policy, situation, drawn, &summary, &identities, arguments.scale)],
            })
        }
        ([situation], [drawn], Some(near)) => beside(&search, policy, situation, drawn, near),
        _ => episode(search, policy, situations, drawn),
    }
}

/// Plans and demonstrations, two groups that share modes.
fn beside(
    search: &Search,
    policy: &Network,
    situation: &Situation,
    drawn: &Drawn,
    near: &Near,
) -> Result<Found, Failure> {
    let shown: Vec<Array2<f64>> =
        near.actions.outer_iter().map(|plan| normalized(policy, plan, &drawn.origin)).collect();
    let shown = ndarray::stack(Axis(0), &shown.iter().map(|plan| plan.view()).collect::<Vec<_>>())?;
    let all: Array3<f64> = concatenate(Axis(0), &[drawn.compared.view(), shown.view()])?;
    let (plans, total) = (drawn.compared.len_of(Axis(0)), all.len_of(Axis(0)));
    // They begin at the same place.
    let features = Features::new(all.view(), &vec![0; total]).input()?;
    let groups: Vec<u32> = (0..total).map(|index| u32::from(index >= plans)).collect();
    let summary = search.together(features.points.view(), &groups).input()?;
    let identities: Vec<usize> = (0..summary.modes.len()).collect();
    let mut situation = report(policy, situation, drawn, &summary, &identities, search.scale);
    for (mode, found) in situation.modes.iter_mut().zip(&summary.modes) {
        let shown = found.weights[1];
        mode.demonstrated = Some(shown.into());
        mode.lost = !mode.shown.is_empty() && mode.weight.mean < LOST * shown.mean;
        if mode.members.is_empty() {
            let rows = near
                .actions
                .to_shape((near.actions.len_of(Axis(0)), near.actions.len() / near.actions.len_of(Axis(0))))
                .input()?;
            mode.actions = nested(near.actions.index_axis(Axis(0), medoid(rows.view(), &mode.shown)));
        }
    }
    let (half, most) = (near.distances[near.distances.len() / 2], near.distances.last().copied().unwrap_or_default());
    Ok(Found {
        kept: features.kept,
        demonstrations: Some(NearReport {
            file: near.file.clone(),
            near: near.distances.len(),
            distance_px: [half, most],
        }),
        identities: counted(&[&summary], &[identities]),
        situations: vec![situation],
    })
}

/// The situations of an episode, groups that share components.
fn episode(mut search: Search, policy: &Network, situations: &[Situation], drawn: &[Drawn]) -> Result<Found, Failure> {
    // Groups are large together, and say what they say after fewer draws.
    (search.burn_in, search.draws) = (300, 300);
    let all: Vec<_> = drawn.iter().map(|drawn| drawn.compared.view()).collect();
    let all = concatenate(Axis(0), &all)?;
    let groups: Vec<u32> =
        (0..).zip(drawn).flat_map(|(group, drawn)| vec![group; drawn.compared.len_of(Axis(0))]).collect();
    let features = Features::new(all.view(), &groups).input()?;
    let (summaries, _) = search.each(features.points.view(), &groups).input()?;
    let identities = identities(policy, situations, drawn, &summaries, search.scale);
    let mut first = 0;
    let mut reports = Vec::new();
    for (((situation, drawn), summary), identities) in situations.iter().zip(drawn).zip(&summaries).zip(&identities) {
        // Members are counted from the first plan of the situation on.
        let own = ModeSummary {
            modes: summary
                .modes
                .iter()
                .map(|mode| Mode {
                    members: mode.members.iter().map(|member| member - first).collect(),
                    ..mode.clone()
                })
                .collect(),
            ..summary.clone()
        };
        reports.push(report(policy, situation, drawn, &own, identities, search.scale));
        first += drawn.compared.len_of(Axis(0));
    }
    let summaries: Vec<&ModeSummary> = summaries.iter().collect();
    Ok(Found {
        kept: features.kept,
        demonstrations: None,
        identities: counted(&summaries, &identities),
        situations: reports,
    })
}

/// What each mode of each situation is called: as the mode before that it goes on.
///
/// Every plan of the situation before is asked for what it had intended from here on, and votes for the mode of the plan that is nearest to that. A
/// mode has the name of the one whose votes it gets, if they are a quarter of that one's at least; the most votes first, and no name twice. Others
/// get a new name.
fn identities(
    policy: &Network,
    situations: &[Situation],
    drawn: &[Drawn],
    summaries: &[ModeSummary],
    scale: f64,
) -> Vec<Vec<usize>> {
    let mut known = 0;
    let mut all: Vec<Vec<usize>> = Vec::new();
    for (index, summary) in summaries.iter().enumerate() {
        let mut names = vec![None; summary.modes.len()];
        if let Some(before) = index.checked_sub(1) {
            let steps = situations[index].step.unwrap_or_default() - situations[before].step.unwrap_or_default();
            let votes = votes(policy, [&drawn[before], &drawn[index]], [&summaries[before], summary], steps, scale);
            let mut taken = vec![false; summaries[before].modes.len()];
            for (_, from, to) in votes {
                if !taken[from] && names[to].is_none() {
                    names[to] = Some(all[before][from]);
                    taken[from] = true;
                }
            }
        }
        let mut name = || {
            known += 1;
            known - 1
        };
        all.push(names.into_iter().map(|known| known.unwrap_or_else(&mut name)).collect());
    }
    all
}

/// How many plans of which mode before go on as which mode, most first; those of less than a quarter of a mode are left out.
fn votes(
    policy: &Network,
    drawn: [&Drawn; 2],
    summaries: [&ModeSummary; 2],
    steps: usize,
    scale: f64,
) -> Vec<(usize, usize, usize)> {
    let start = policy.manifest().executed_steps().start + steps;
    let (before, now) = (summaries[0].modes.len(), summaries[1].modes.len());
    let mut votes = vec![0; before * now];
    if start < drawn[0].actions.len_of(Axis(1)) {
        for (plan, from) in drawn[0].actions.outer_iter().zip(&summaries[0].labels) {
            // As a plan from now on, which it is compared with, would have it.
            let rest = normalized(policy, plan.slice(s![start.., ..]), &drawn[1].origin);
            if let Some((nearest, _)) =
                nearest(&drawn[1].compared, rest.view()).filter(|(_, far)| *far <= ALIKE * scale)
            {
                votes[from * now + summaries[1].labels[nearest]] += 1;
            }
        }
    }
    let enough = |from: usize, votes: usize| 4 * votes >= summaries[0].modes[from].members.len();
    let mut found: Vec<(usize, usize, usize)> = (0..before * now)
        .map(|index| (votes[index], index / now, index % now))
        .filter(|(votes, from, _)| *votes > 0 && enough(*from, *votes))
        .collect();
    found.sort_by_key(|(votes, from, to)| (std::cmp::Reverse(*votes), *from, *to));
    found
}

fn counted(summaries: &[&ModeSummary], identities: &[Vec<usize>]) -> Vec<Identity> {
    let most = identities.iter().flatten().max().map_or(0, |most| most + 1);
    let mut plans = vec![0; most];
    for (summary, names) in summaries.iter().zip(identities) {
        summary.modes.iter().zip(names).for_each(|(mode, name)| plans[*name] += mode.members.len());
    }
    plans.into_iter().map(|plans| Identity { plans }).collect()
}

/// A situation's modes. Points beyond its plans are demonstrations.
fn report(
    policy: &Network,
    situation: &Situation,
    drawn: &Drawn,
    summary: &ModeSummary,
    identities: &[usize],
    scale: f64,
) -> SituationReport {
    let plans = drawn.actions.len_of(Axis(0));
    let whole: Vec<Array2<f64>> =
        drawn.actions.outer_iter().map(|plan| normalized(policy, plan, &drawn.origin)).collect();
    let columns = whole.first().map_or(0, Array2::len);
    let whole =
        Array2::from_shape_fn((plans, columns), |(plan, column)| whole[plan].as_slice().map_or(0.0, |row| row[column]));
    let mode = |(mode, identity): (&Mode, &usize)| {
        let (members, shown): (Vec<usize>, Vec<usize>) = mode.members.iter().partition(|member| **member < plans);
        let medoid = (!members.is_empty()).then(|| medoid(whole.view(), &members));
        ModeReport {
            identity: *identity,
            weight: mode.weights[0].into(),
            demonstrated: None,
            lost: false,
            plans: members.len(),
            apart: mode.apart,
            rare: mode.rare,
            medoid,
            actions: medoid.map_or_else(Vec::new, |medoid| nested(drawn.actions.index_axis(Axis(0), medoid))),
            members,
            shown: shown.into_iter().map(|index| index - plans).collect(),
        }
    };
    let of = |actions: &Option<Array2<f64>>| {
        let actions = normalized(policy, actions.as_ref()?.view(), &drawn.origin);
        let (plan, distance) = nearest(&drawn.compared, actions.view())?;
        (distance <= FAR * scale).then(|| summary.labels[plan])
    };
    SituationReport {
        step: situation.step,
        modes_probability: summary.numbers.clone(),
        all_modes_probability: summary.all_numbers.clone(),
        components_probability: summary.components.clone(),
        modes: summary.modes.iter().zip(identities).map(mode).collect(),
        executed: of(&situation.executed),
        intended: of(&situation.intended),
    }
}

fn nested(actions: ArrayView2<'_, f64>) -> Vec<Vec<f64>> {
    actions.outer_iter().map(|action| action.to_vec()).collect()
}

/// The plan that is nearest to `actions`, over as many as both have, and how far: the root mean square over the actions.
fn nearest(plans: &Array3<f64>, actions: ArrayView2<'_, f64>) -> Option<(usize, f64)> {
    let rows = plans.len_of(Axis(1)).min(actions.nrows());
    let distance = |plan: ArrayView2<'_, f64>| {
        let squares = plan.iter().zip(actions).take(rows * actions.ncols()).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        (squares / rows as f64).sqrt()
    };
    plans.outer_iter().map(distance).enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b))
}
