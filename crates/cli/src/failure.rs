//! Errors of the program, and their exit codes.

use std::process::ExitCode;

use parapolicy_files::printable;

use crate::say::tell;
use crate::stop::Stop;

/// Why the program stops: invalid input, or any other error.
#[derive(Debug)]
pub enum Failure {
    /// Arguments or input files; exit code 2, as for a command line that cannot be parsed.
    Input(anyhow::Error),
    /// The rest; exit code 1.
    Other(anyhow::Error),
    /// The program was asked to stop: what came of it; the exit code is that of the signal.
    Stopped(String),
    /// Another program has said why; its exit code.
    Told(u8),
}

impl Failure {
    /// Prints one line, causes included, and says what to exit with.
    pub fn report(&self) -> ExitCode {
        let (words, code) = match self {
            Self::Input(error) => (one_line(error), 2),
            Self::Other(error) => (one_line(error), 1),
            Self::Stopped(what) => (what.clone(), 1),
            Self::Told(code) => return ExitCode::from(*code),
        };
        match Stop::current().exit_code() {
            0 => {
                tell!("error: {words}");
                ExitCode::from(code)
            }
            stopped => {
                tell!("stopped: {words}");
                ExitCode::from(stopped)
            }
        }
    }
}

/// The error and its causes, joined by colons. A cause that its parent already quotes is not said twice, and names of
/// strangers' files and fields hold nothing that a terminal obeys.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    let line = line.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    printable(&line).into_owned()
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Marks errors that are the input's.
pub trait InputError<T> {
    /// The same result, its error the input's.
    fn input(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> InputError<T> for Result<T, E> {
    fn input(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Input(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn causes_are_joined_once() {
        let error = Err::<(), _>(anyhow!("no space\nleft")).context("report.json: could not be written").unwrap_err();
        assert_eq!(one_line(&error), "report.json: could not be written: no space left");
        let quoting = Err::<(), _>(anyhow!("no space")).context("report.json: no space").unwrap_err();
        assert_eq!(one_line(&quoting), "report.json: no space");
        let coloured = anyhow!("`\x1b[2Jreward` is unknown");
        assert_eq!(one_line(&coloured), "`\\u{1b}[2Jreward` is unknown");
    }
}
