//! Episodes that are over, a line each, so that a run that is stopped or killed can be gone on with.
//!
//! ```text
//! {"settings": …}                          what all episodes have in common
//! {"of": "picard", "episode": …}           an episode, with the cost of every plan
//! ```
//!
//! The file is in the report's folder while a run goes on, and goes away when its report is whole. A last line that was cut
//! short is dropped.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use parapolicy_eval::Episode;
use parapolicy_eval::realtime::Timing;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, InputError as _};
use crate::say::tell;

/// Its name.
pub const JOURNAL: &str = "resume.jsonl";

/// The journal of a run.
pub struct Journal {
    path: PathBuf,
    /// None once it could not be written to.
    file: Option<File>,
    known: HashMap<(String, u64), Played>,
}

/// An episode that was played, with its timing if the world did not wait.
#[derive(Clone, Serialize, Deserialize)]
pub struct Played {
    pub episode: Episode,
    pub timing: Option<Timing>,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    settings: Value,
}

#[derive(Serialize, Deserialize)]
struct Line {
    of: String,
    #[serde(flatten)]
    played: Played,
}

impl Journal {
    /// Begins a journal in `folder`; with `resume`, goes on with the one there, if it has the same `settings`.
    pub fn begin(folder: &Path, settings: Value, resume: bool) -> Result<Self, Failure> {
        let path = folder.join(JOURNAL);
        fs::create_dir_all(folder).with_context(|| format!("{}: could not be created", folder.display()))?;
        let written = |path: &Path| format!("{}: could not be written", path.display());
        if resume {
            match fs::read_to_string(&path) {
                Ok(text) => return Self::go_on(path, &text, &settings),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tell!("{}: there is nothing to go on with; the run begins anew", path.display());
                }
                Err(error) => return Err(error).with_context(|| format!("{}: cannot be read", path.display())).input(),
            }
        }
        let mut file = File::create(&path).with_context(|| written(&path))?;
        append(&mut file, &Settings { settings }).with_context(|| written(&path))?;
        Ok(Self { path, file: Some(file), known: HashMap::new() })
    }

    fn go_on(path: PathBuf, text: &str, settings: &Value) -> Result<Self, Failure> {
        let damaged =
            |line: usize| format!("{}: line {line} is no episode: run again without --resume", path.display());
        // A line that was cut short has no end.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines().zip(1..);
        let mut known = HashMap::new();
        let mut is_new = true;
        if let Some((line, number)) = lines.next() {
            let Settings { settings: found } = serde_json::from_str(line).with_context(|| damaged(number)).input()?;
            ensure_same(&path, &found, settings).input()?;
            is_new = false;
        }
        for (line, number) in lines {
            let Line { of, played } = serde_json::from_str(line).with_context(|| damaged(number)).input()?;
            known.insert((of, played.episode.seed), played);
        }
        let written = || format!("{}: could not be written", path.display());
        let mut file = File::options().append(true).open(&path).with_context(written)?;
        file.set_len(whole as u64).with_context(written)?;
        if is_new {
            append(&mut file, &Settings { settings: settings.clone() }).with_context(written)?;
        }
        Ok(Self { path, file: Some(file), known })
    }

    /// The episode of this seed, if it was played already.
    pub fn known(&self, of: &str, seed: u64) -> Option<&Played> {
        self.known.get(&(of.to_owned(), seed))
    }

    /// Keeps an episode. Where there is no room, the run goes on without a journal.
    pub fn keep(&mut self, of: &str, played: &Played) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = append(file, &Line { of: of.to_owned(), played: played.clone() }) {
            tell!("{}: could not be written ({error}): the run goes on, but cannot be resumed", self.path.display());
            self.file = None;
        }
    }

    /// All is over, and reported.
    pub fn remove(self) {
        // What cannot be removed does no harm.
        let _left = fs::remove_file(self.path);
    }
}

/// One line in one write.
fn append(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

fn ensure_same(path: &Path, found: &Value, asked: &Value) -> anyhow::Result<()> {
    let (Some(found), Some(asked)) = (found.as_object(), asked.as_object()) else {
        return Err(anyhow!("{}: has no settings: run again without --resume", path.display()));
    };
    let differs = asked.iter().find(|(name, value)| found.get(*name) != Some(value));
    match differs {
        None => Ok(()),
        Some((name, value)) => Err(anyhow!(
            "{}: cannot be gone on with: its `{name}` is {}, but {value} is asked for now; run again without --resume",
            path.display(),
            found.get(name).unwrap_or(&Value::Null)
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn played(seed: u64) -> Played {
        Played { episode: Episode { seed, reward: 0.1 + 0.2, ..Episode::default() }, timing: None }
    }

    #[test]
    fn what_was_kept_is_known_and_a_line_that_was_cut_short_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let settings = || json!({ "solver": "ddim" });
        let mut journal = Journal::begin(folder.path(), settings(), false).unwrap();
        (1..3).for_each(|seed| journal.keep("picard", &played(seed)));
        let path = folder.path().join(JOURNAL);
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 5]).unwrap();
        let mut journal = Journal::begin(folder.path(), settings(), true).unwrap();
        assert_eq!(journal.known("picard", 1).unwrap().episode, played(1).episode);
        assert!(journal.known("picard", 2).is_none() && journal.known("sequential", 1).is_none());
        journal.keep("picard", &played(2));
        let journal = Journal::begin(folder.path(), settings(), true).unwrap();
        assert!(journal.known("picard", 2).is_some());
        let other = Journal::begin(folder.path(), json!({ "solver": "ddpm" }), true).err().unwrap();
        assert!(matches!(&other, Failure::Input(why) if why.to_string().contains("`solver`")), "{other:?}");
        journal.remove();
        assert!(!path.exists());
    }
}
