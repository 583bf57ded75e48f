//! From plans to modes: prior, chain and summary in one.
//!
//! The prior says how wide one way is, not how many there are: NIW(κ, 0, D + 3, 2 s² I), whose covariance is s² I in the mean, with the
//! **scale** s a length in the plans' own unit. Were it a share of the cloud's spread, a tight cloud would always be divided. Concentrations
//! are learnt, under Gamma(1, 1).

use ndarray::ArrayView2;

use crate::component::{Gaussian, GaussianParameters};
use crate::concentration::Concentration;
use crate::draw::Draw;
use crate::error::{ModesError, positive};
use crate::hierarchical::{Groups, Hierarchical};
use crate::mixture::{Mixture, Start, Strategy};
use crate::points::Points;
use crate::summary::ModeSummary;

/// κ of the prior: means lie about 1/√κ scales from each other.
const KAPPA: f64 = 0.05;
const LEARNT: Concentration = Concentration::Learnt { shape: 1.0, rate: 1.0 };

/// How modes are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// s: how far, about, plans of one way are from its middle, in the unit of the points.
    pub scale: f64,
    /// Iterations that are not counted.
    pub burn_in: usize,
    /// Mixtures that are drawn after them.
    pub draws: usize,
    /// Iterations from one drawn mixture to the next.
    pub thin: usize,
    /// A mode with a smaller share of the points in every group, or with but one point, is rare.
    pub rare: f64,
    /// Of the chain.
    pub seed: u64,
}

impl Search {
    /// With this scale: 300 iterations of burn-in, 1000 draws, each iteration one, and 1 % as rare.
    pub fn new(scale: f64) -> Self {
        Self { scale, burn_in: 300, draws: 1000, thin: 1, rare: 0.01, seed: 0 }
    }

    /// Modes of points, `[n, D]`.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if a value is not finite, there are no points, or a setting cannot be used.
    pub fn points(&self, rows: ArrayView2<'_, f64>) -> Result<ModeSummary, ModesError> {
        let (points, component) = self.prepare(rows)?;
        let mixture = Mixture::new(component, LEARNT)?;
        let mut chain = mixture.chain(&points, Strategy::Launch, &Start::One, self.seed)?;
        (0..self.burn_in).for_each(|_| chain.step());
        let draws: Vec<_> = (0..self.draws)
            .map(|_| {
                (0..self.thin).for_each(|_| chain.step());
                chain.draw()
            })
            .collect();
        let indices: Vec<usize> = (0..points.len()).collect();
        ModeSummary::new(&draws, &indices, &vec![0; points.len()], &[0], self.rare)
    }

    /// Modes of the points of all groups together, `[n, D]`, each with its weight in every group: `groups` is that of each point.
    ///
    /// # Errors
    ///
    /// As [`points`](Self::points), or `groups` is of other points, or one has none.
    pub fn together(&self, rows: ArrayView2<'_, f64>, groups: &[u32]) -> Result<ModeSummary, ModesError> {
        let (draws, groups) = self.of_groups(rows, groups)?;
        let indices: Vec<usize> = (0..rows.nrows()).collect();
        let all: Vec<usize> = (0..groups.count()).collect();
        ModeSummary::new(&draws, &indices, groups.of_points(), &all, self.rare)
    }

    /// Modes of every group by itself, with components that the groups share. Beside them the component of each point in the drawn partition
    /// that agrees with most: which modes of different groups are alike.
    ///
    /// # Errors
    ///
    /// As [`together`](Self::together).
    pub fn each(&self, rows: ArrayView2<'_, f64>, groups: &[u32]) -> Result<(Vec<ModeSummary>, Vec<u32>), ModesError> {
        let (draws, groups) = self.of_groups(rows, groups)?;
        let of = |group: usize| {
            let of_points = groups.of_points();
            let indices: Vec<usize> = (0..rows.nrows()).filter(|point| of_points[*point] as usize == group).collect();
            ModeSummary::new(&draws, &indices, of_points, &[group], self.rare)
        };
        let summaries = (0..groups.count()).map(of).collect::<Result<_, _>>()?;
        let partitions = draws.iter().map(|draw| crate::Partition::new(&draw.labels));
        let posterior = crate::Posterior::new(partitions)?;
        let shared = posterior.partitions()[posterior.binder()].labels().to_vec();
        Ok((summaries, shared))
    }

    fn of_groups(
        &self,
        rows: ArrayView2<'_, f64>,
        groups: &[u32],
    ) -> Result<(Vec<Draw<GaussianParameters>>, Groups), ModesError> {
        let (points, component) = self.prepare(rows)?;
        let groups = Groups::new(groups.to_vec())?;
        if let Some(empty) = (0..groups.count()).find(|group| !groups.of_points().contains(&(*group as u32))) {
            return Err(ModesError::out_of_range("groups", empty, "the group of a point at least"));
        }
        let model = Hierarchical::new(component, LEARNT, LEARNT)?;
        let mut chain = model.chain(&points, &groups, &Start::One, self.seed)?;
        (0..self.burn_in).for_each(|_| chain.step());
        let draws = (0..self.draws)
            .map(|_| {
                (0..self.thin).for_each(|_| chain.step());
                chain.draw()
            })
            .collect();
        Ok((draws, groups))
    }

    fn prepare(&self, rows: ArrayView2<'_, f64>) -> Result<(Points, Gaussian), ModesError> {
        if rows.nrows() == 0 {
            return Err(ModesError::Shape { field: "points", what: "rows", expected: 1, found: 0 });
        }
        if self.draws == 0 {
            return Err(ModesError::out_of_range("draws", 0, "at least 1"));
        }
        let points = Points::new(rows)?;
        let component = Gaussian::around(KAPPA, vec![0.0; points.dim()], positive("scale", self.scale)?)?;
        Ok((points, component))
    }
}
