//! Which of many plans is followed.

use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use parapolicy_control::BoxError;
use parapolicy_modes::{Features, Search};
use parapolicy_policy::{Network, Origin};

/// Plans drawn together, K.
pub const PLANS: usize = 16;
/// A mode of a smaller share of the plans is not followed on.
const LEAST: f64 = 0.1;
/// How wide a mode is, in normalised actions: what `modes` has.
const SCALE: f64 = 0.04;
/// What one action weighs in coherence beside the one before it, ρ.
const DECAY: f64 = 0.5;

/// How a plan is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    Plain,
    Mode,
    Coherent,
}

impl Rule {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Mode, Self::Coherent];
}

/// What is known of a choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen {
    pub plan: usize,
    /// Whether two modes have a tenth of the plans each.
    pub torn: bool,
    /// Whether the plan is of another mode than what was intended.
    pub switched: bool,
    /// Root mean square distance of the plan from what was intended, in the actions' unit.
    pub jump: f64,
}

/// Chooses of `plans`, `[K, actions, action_dim]` in raw units, from the time of the observation on; `intended` is what the plan in force has from that
/// time on, `[n, action_dim]`.
pub fn choose(
    rule: Rule,
    network: &Network,
    origin: &Origin,
    plans: &Array3<f64>,
    intended: ArrayView2<'_, f64>,
) -> Result<Chosen, BoxError> {
    let (rows, dim) = intended.dim();
    let compared = plans.slice(s![.., ..rows, ..]);
    let squares = |plan: usize, weight: fn(usize) -> f64| -> f64 {
        let difference = &compared.index_axis(Axis(0), plan) - &intended;
        let of_row = |(row, action): (usize, ndarray::ArrayView1<'_, f64>)| weight(row) * action.dot(&action).sqrt();
        difference.outer_iter().enumerate().map(of_row).sum()
    };
    let labels = modes(network, origin, compared, intended, dim)?;
    let own = labels[PLANS];
    let size = |mode: usize| labels[..PLANS].iter().filter(|label| **label == mode).count() as f64 / PLANS as f64;
    let plan = match rule {
        Rule::Plain => 0,
        Rule::Mode if size(own) < LEAST => 0,
        Rule::Mode => labels.iter().position(|label| *label == own).unwrap_or(0),
        Rule::Coherent => {
            let loss = |plan: &usize| squares(*plan, |row| DECAY.powi(row as i32));
            (0..PLANS).min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or(0)
        }
    };
    let difference = &compared.index_axis(Axis(0), plan) - &intended;
    let large = (0..=PLANS).filter(|mode| size(*mode) >= LEAST).count();
    Ok(Chosen {
        plan,
        torn: large > 1,
        switched: labels[plan] != own,
        jump: (difference.iter().map(|x| x * x).sum::<f64>() / rows as f64).sqrt(),
    })
}

/// The mode of every plan, and last that of what was intended.
fn modes(
    network: &Network,
    origin: &Origin,
    compared: ndarray::ArrayView3<'_, f64>,
    intended: ArrayView2<'_, f64>,
    dim: usize,
) -> Result<Vec<usize>, BoxError> {
    let rows = intended.nrows();
    let all = compared.outer_iter().chain([intended]);
    let flat: Vec<f64> = all
        .flat_map(|actions| network.normalized_actions(actions, origin).mapv(f64::from).into_raw_vec_and_offset().0)
        .collect();
    let all = Array3::from_shape_vec((PLANS + 1, rows, dim), flat)?;
    let features = Features::new(all.view(), &[0; PLANS + 1])?;
    let search = Search { burn_in: 50, draws: 100, ..Search::new(SCALE) };
    Ok(search.points(features.points.view())?.labels)
}

/// `[K, actions, action_dim]` of what a network has sampled, from the time of the newest observation on.
pub fn stacked(network: &Network, raw: &[Array2<f64>]) -> Result<Array3<f64>, BoxError> {
    let start = network.manifest().executed_steps().start;
    let views: Vec<_> = raw.iter().map(|plan| plan.slice(s![start.., ..])).collect();
    Ok(ndarray::stack(Axis(0), &views)?)
}
