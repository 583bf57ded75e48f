//! `parapolicy compare`: compares two reports.

use parapolicy_eval::{Comparison, Report};

use crate::args::CompareArguments;
use crate::failure::{Failure, InputError as _};
use crate::output::page::comparison::{self, Compared};
use crate::output::staging::write_file;
use crate::output::table;
use crate::say::say;

/// Puts two reports side by side: on the terminal, and on a page.
pub fn compare(arguments: &CompareArguments) -> Result<(), Failure> {
    let CompareArguments { first, second, out } = arguments;
    let [one, other] = [Report::load(first).input()?, Report::load(second).input()?];
    let names = [first, second].map(|path| path.display().to_string());
    let comparison = Comparison::new([&one, &other]);
    write_file(out, |file| {
        comparison::write(&Compared { names: &names, reports: [&one, &other], comparison: &comparison }, file)
    })?;
    say(format_args!("{}\nwritten to {}", table::render_comparison(&comparison, &names), out.display()))
}
