//! Hierarchical Dirichlet process mixtures (Teh et al. 2006): groups of points that share clusters, each with weights of its own.
//!
//! ```text
//! G_0 ~ DP(γ, H),  G_j ~ DP(α, G_0)         β over the clusters,  π_j ~ DP(α, β),  z_ji ~ π_j,  x_ji ~ f(θ_{z_ji})
//! p(β, z) = γ^K β_{K+1}^{γ−1} Π_k β_k^{−1} · Π_j Γ(α) / Γ(α + n_j) Π_k Γ(α β_k + n_jk) / Γ(α β_k)
//! ```
//!
//! with n_jk the points of group j in cluster k, and β_{K+1} what is left for clusters that do not exist.

mod chain;
mod collapsed;
mod counts;
mod gibbs;
mod launch;
#[cfg(test)]
mod negative_controls;
mod topics;

pub use self::{
    chain::HierarchicalChain,
    topics::{Documents, Topics, TopicsChain},
};
use crate::{Component, Concentration, ModesError, Points, Start};

/// The group of every point.
#[derive(Clone, Debug)]
pub struct Groups {
    of: Vec<u32>,
    count: usize,
}

impl Groups {
    /// From the group of each point, `0..J`. Groups may be empty.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there are more groups than four times the points, which is taken for a mistake.
    pub fn new(of: Vec<u32>) -> Result<Self, ModesError> {
        let count = of.iter().max().map_or(0, |most| *most as usize + 1);
        match count <= of.len().saturating_mul(4) {
            true => Ok(Self { of, count }),
            false => Err(ModesError::out_of_range("groups", count, "at most four times the points")),
        }
    }

    /// How many there are, `J`.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The group of every point, `[n]`.
    pub fn of_points(&self) -> &[u32] {
        &self.of
    }
}

/// A hierarchical Dirichlet process mixture.
#[derive(Clone, Debug)]
pub struct Hierarchical<C> {
    component: C,
    /// γ, of the clusters.
    gamma: Concentration,
    /// α, of each group.
    alpha: Concentration,
}

impl<C: Component> Hierarchical<C> {
    /// A mixture of such components. `gamma` is the concentration of the clusters, `alpha` that of each group around them.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if a concentration, or a parameter of its prior, is not positive and finite.
    pub fn new(component: C, gamma: Concentration, alpha: Concentration) -> Result<Self, ModesError> {
        gamma.initial()?;
        alpha.initial()?;
        Ok(Self { component, gamma, alpha })
    }

    /// A Markov chain of partitions of the points of all groups, exact: guarded Gibbs sampling, launch states and collapsed steps.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if the points are none that the components can have, or `groups` or `start` are of others.
    pub fn chain<'a>(
        &'a self,
        points: &'a Points,
        groups: &'a Groups,
        start: &Start,
        seed: u64,
    ) -> Result<HierarchicalChain<'a, C>, ModesError> {
        self.component.check(points)?;
        let (expected, found) = (points.len(), groups.of.len());
        if expected != found {
            return Err(ModesError::Shape { field: "groups", what: "points", expected, found });
        }
        HierarchicalChain::new(self, points, groups, start, seed)
    }
}
