//! A request: values by keys, maps in maps by keys with `/` between them.

use super::array::{Array, Value, numpy, value};
use super::reader::{Item, Reader, WireError};

/// Maps that may lie in each other.
const MOST_DEPTH: usize = 8;

/// What a client asks for beside a plan: the map `parapolicy` of a request. All of it is optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Begins an episode with this seed, before the observation counts.
    pub seed: Option<u64>,
    /// Begins an episode, with the seed that is next.
    pub reset: bool,
    /// Only keeps the observation, and plans nothing.
    pub observe: bool,
    /// Milliseconds until the plan must be there.
    pub deadline_ms: Option<f64>,
    /// Actions that are carried out before the plan is there, `[n, action_dim]`.
    pub committed: Option<Array<'a>>,
}

/// Reads a request: hands its values to `visit` by their keys, and returns the options. Keys of bytes and of text are the same;
/// `{"images": {"cam_high": ...}}` is `images/cam_high`.
///
/// # Errors
/// [`WireError`], with the byte where the message is wrong; or what `visit` says.
pub fn read<'a, E: From<WireError>>(
    message: &'a [u8],
    visit: &mut dyn FnMut(&str, Value<'a>) -> Result<(), E>,
) -> Result<Options<'a>, E> {
    let mut reader = Reader::new(message);
    let (length, mut options, mut path) = (reader.map()?, Options::default(), String::new());
    for _ in 0..length {
        let key = reader.key()?;
        if key == "parapolicy" {
            options = read_options(&mut reader)?;
            continue;
        }
        path.clear();
        path.push_str(key);
        walk(&mut reader, &mut path, 1, visit)?;
    }
    if reader.is_done() { Ok(options) } else { Err(WireError::Trailing(reader.at()).into()) }
}

/// Reads a server's answer: hands its values to `visit` by their keys.
///
/// # Errors
/// [`WireError`], with the byte where the message is wrong; or what `visit` says.
pub fn read_reply<'a, E: From<WireError>>(
    message: &'a [u8],
    visit: &mut dyn FnMut(&str, Value<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(message);
    let (length, mut path) = (reader.map()?, String::new());
    for _ in 0..length {
        path.clear();
        path.push_str(reader.key()?);
        walk(&mut reader, &mut path, 1, visit)?;
    }
    Ok(())
}

/// The value at `path`.
fn walk<'a, E: From<WireError>>(
    reader: &mut Reader<'a>,
    path: &mut String,
    depth: usize,
    visit: &mut dyn FnMut(&str, Value<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let at = reader.at();
    let length = match reader.next()? {
        Item::Map(length) => length,
        other => {
            let found = value(reader, other)?;
            return visit(path, found);
        }
    };
    if depth >= MOST_DEPTH {
        return Err(WireError::Deep { at, most: MOST_DEPTH }.into());
    }
    let stem = path.len();
    for number in 0..length {
        let key = reader.key()?;
        if number == 0
            && let Some(found) = numpy(reader, key, length - 1, path)?
        {
            return visit(path, found);
        }
        path.push('/');
        path.push_str(key);
        walk(reader, path, depth + 1, visit)?;
        path.truncate(stem);
    }
    Ok(())
}

fn read_options<'a>(reader: &mut Reader<'a>) -> Result<Options<'a>, WireError> {
    let mut options = Options::default();
    for _ in 0..reader.map()? {
        let (key, mut found) = (reader.key()?, None);
        let mut path = format!("parapolicy/{key}");
        walk(reader, &mut path, 2, &mut |_, value| {
            found = Some(value);
            Ok::<_, WireError>(())
        })?;
        let wrong = |expected: &str| {
            let name = found.map_or("a map", |found| found.name());
            WireError::Array { key: format!("parapolicy/{key}"), problem: format!("is {name}, but must be {expected}") }
        };
        match (key, found) {
            (_, Some(Value::Nil)) => {}
            ("reset", Some(Value::Flag(reset))) => options.reset = reset,
            ("observe", Some(Value::Flag(observe))) => options.observe = observe,
            ("seed", Some(Value::Integer(seed))) => {
                let seed = u32::try_from(seed).map_err(|_| wrong("a number from 0 to 4294967295"))?;
                options.seed = Some(seed.into());
            }
            ("deadline_ms", Some(value)) => {
                let milliseconds = match value {
                    Value::Number(number) => number,
                    Value::Integer(number) => number as f64,
                    _ => f64::NAN,
                };
                let is_sensible = milliseconds > 0.0 && milliseconds <= 3.6e6;
                let found = is_sensible.then_some(milliseconds);
                options.deadline_ms = Some(found.ok_or_else(|| wrong("a number of milliseconds, more than 0"))?);
            }
            ("committed", Some(Value::Array(actions))) => options.committed = Some(actions),
            ("reset" | "observe", _) => return Err(wrong("a flag")),
            ("seed", _) => return Err(wrong("a whole number")),
            ("committed", _) => return Err(wrong("an array")),
            _ => return Err(wrong("one of reset, seed, observe, deadline_ms, committed")),
        }
    }
    Ok(options)
}
