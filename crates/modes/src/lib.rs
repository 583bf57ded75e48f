//! What a policy is torn between: partitions of plans, drawn from Dirichlet process mixtures.

#![allow(clippy::doc_markdown, reason = "formulas are not identifiers")]

mod component;
mod concentration;
mod error;
mod hierarchical;
mod labels;
mod launch;
mod linear;
mod mixture;
mod partition;
mod points;
mod random;
mod state;

pub use self::{
    component::{Component, DiagonalGaussian, Gaussian, Multinomial},
    concentration::Concentration,
    error::ModesError,
    hierarchical::{Groups, Hierarchical, HierarchicalChain},
    mixture::{Chain, Mixture, Start, Strategy},
    partition::Partition,
    points::{Block, Points},
};
