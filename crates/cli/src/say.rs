//! What the program prints: no text of a file, a name say, holds anything that a terminal obeys. Neither a closed nor a full output is a panic: what was measured is written by then.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use parapolicy_files::printable_lines;

use crate::failure::Failure;

/// Prints a line on standard error; where that is closed or full, nothing.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _untold = writeln!(std::io::stderr(), "{}", parapolicy_files::printable_lines(&format!($($words)*)));
    }};
}
pub(crate) use tell;

/// Prints a text on standard output. Whoever has stopped reading, `head` say, has seen enough. Where it cannot be printed, on
/// a full disk, the text goes to standard error, so that nothing is lost.
///
/// # Errors
/// Standard output cannot be written to.
pub fn say(text: impl Display) -> Result<(), Failure> {
    let text = text.to_string();
    let text = printable_lines(&text);
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            tell!("{text}");
            Ok(Err(error).context("standard output could not be written to, so all is printed here")?)
        }
        Ok(()) => Ok(()),
    }
}
