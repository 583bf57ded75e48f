//! What a run leaves behind and prints: table, CSV, plot, page, animation.

pub mod animation;
pub mod episodes;
pub mod grid;
pub mod page;
pub mod plot;
pub mod staging;
pub mod table;

use parapolicy_eval::{JsonOutput, ReportOutput};

use self::animation::GifOutput;
use self::episodes::CsvOutput;
use self::page::report::HtmlOutput;
use self::page::rounds::RoundsOutput;
use self::plot::SvgOutput;

/// The files that `run` writes, in the order in which they are named.
pub fn outputs() -> [&'static dyn ReportOutput; 6] {
    [&HtmlOutput, &JsonOutput, &CsvOutput, &SvgOutput, &GifOutput, &RoundsOutput]
}
