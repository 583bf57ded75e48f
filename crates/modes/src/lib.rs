//! What a policy is torn between: partitions of plans, drawn from Dirichlet process mixtures, flat and hierarchical.
//!
//! Points are divided into clusters whose number is not known. A [`Mixture`] of [`Component`]s gives a [`Chain`], an iterator of
//! [`Partition`]s, and a [`Posterior`] says what they have in common. [`Hierarchical`] is the same for groups of points that share
//! clusters. Components between which the density has no valley are one mode ([`modes()`]).
//!
//! # Example
//!
//! ```
//! use ndarray::array;
//! use parapolicy_modes::{Concentration, Gaussian, Mixture, Points, Posterior, Start, Strategy};
//!
//! // Two ways round, seen six times.
//! let points = Points::new(array![[-2.1], [-1.9], [-2.0], [2.0], [1.9], [2.2]].view())?;
//! let component = Gaussian::around(0.05, vec![0.0], 0.3)?;
//! let mixture = Mixture::new(component, Concentration::Fixed(1.0))?;
//! let chain = mixture.chain(&points, Strategy::Launch, &Start::One, 7)?;
//! let posterior = Posterior::new(chain.skip(50).take(500))?;
//! assert!(posterior.numbers()[2] > 0.5, "P(K = 2)");
//! assert_eq!(posterior.partitions()[posterior.binder()].labels(), [0, 0, 0, 1, 1, 1]);
//! # Ok::<(), parapolicy_modes::ModesError>(())
//! ```

#![allow(clippy::doc_markdown, reason = "formulas are not identifiers")]

mod component;
mod concentration;
mod draw;
mod error;
mod features;
#[cfg(test)]
mod geweke;
mod hierarchical;
mod labels;
mod launch;
mod linear;
mod mixture;
mod modes;
mod partition;
mod points;
mod posterior;
mod random;
mod search;
mod state;
mod summary;
mod wide;

pub use self::{
    component::{
        Categorical, CategoricalParameters, Component, DiagonalGaussian, Gaussian, GaussianParameters, Multinomial,
    },
    concentration::Concentration,
    draw::Draw,
    error::ModesError,
    features::Features,
    hierarchical::{Documents, Groups, Hierarchical, HierarchicalChain, Topics, TopicsChain},
    mixture::{Chain, Mixture, Start, Strategy},
    modes::modes,
    partition::Partition,
    points::{Block, Points},
    posterior::Posterior,
    search::Search,
    summary::{Mode, ModeSummary, Weight, medoid},
};
