//! What a strategy is, before it is made ready for a table.

use std::fmt::Debug;

use super::{Method, Settings};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::solver::Solver;

/// A kind of strategy: usually a struct without fields, of which there is one static value.
pub trait StrategyKind: Debug + Send + Sync {
    /// A short word of its own, without spaces or commas. Strategies are compared, displayed and stored by it.
    fn name(&self) -> &'static str;

    /// What it is and where it comes from, in one line.
    fn summary(&self) -> &'static str;

    /// Which settings it has, and their defaults.
    fn defaults(&self) -> Settings;

    /// Makes it ready for samples of `dim` values drawn by `table`, and takes all memory that this needs: no other function
    /// of a [`Method`] should allocate. `settings` have been validated, and are present where
    /// [`defaults`](Self::defaults) has them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the strategy is not defined for the table. One that is not for the table's solver says so by
    /// [`ConfigError::unsupported`] with the field `solver`, so that a caller can try another strategy
    /// ([`ConfigError::refuses_solver`]).
    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError>;

    /// Whether, under `solver`, its sample is that of `sequential` under the same noise, up to the tolerance. If not, it
    /// is another sample: of the same distribution, or of one that is closer to the data's.
    fn follows_sequential(&self, _solver: Solver) -> bool {
        true
    }

    /// Whether it says of each sample how far it may be from `sequential`'s
    /// ([`Statistics::estimated_error`](crate::Statistics::estimated_error)), and keeps the tolerance by that.
    fn estimates_error(&self) -> bool {
        false
    }
}
