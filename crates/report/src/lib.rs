//! What a run leaves behind: a page, plots, a table, an animation.
//!
//! The program writes them by [`Outputs`]; the pieces, in [`page`], [`plot`] and [`table`], are those of its other pages, too.

mod animation;
mod episodes;
pub mod machine;
mod made;
pub mod page;
pub mod plot;
pub mod table;
mod track;
mod verdict;
mod written;

use parapolicy_eval::{JsonOutput, ReportOutput};

use self::animation::GifOutput;
use self::episodes::CsvOutput;
use self::page::figure::SvgOutput;
use self::page::report::HtmlOutput;
use self::page::rounds::RoundsOutput;

pub use self::made::made;
pub use self::verdict::verdict;
pub use self::written::{LOG, OutputError, Outputs, names};

/// The files that are written of a run, in the order in which they are named.
#[must_use]
pub fn outputs() -> [&'static dyn ReportOutput; 6] {
    [&HtmlOutput, &JsonOutput, &CsvOutput, &SvgOutput, &GifOutput, &RoundsOutput]
}
