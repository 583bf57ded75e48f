//! Shared libraries of the format ELF: whether all of one is there, for which processor it is, and what it exports.

use super::Unfit;

/// Kinds of segments.
const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;

/// Entries of the dynamic section: where the table of names is, and its size.
const NAMES: u64 = 5;
const NAMES_SIZE: u64 = 10;

/// Number of the processor that this program is for; none for one that is not known here.
const PROCESSOR: Option<u64> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// A part of the file that is loaded.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

/// Checks that these are the bytes of a whole shared library for this processor, which has `name` among its names.
pub(super) fn check(file: &[u8], name: &[u8]) -> Result<(), Unfit> {
    if !file.starts_with(b"\x7fELF") {
        return Err(Unfit::NoLibrary);
    }
    // 64 bits, in little-endian order, as all processors that are known here.
    if file.get(4..6) != Some(&[2, 1]) {
        return Err(Unfit::Processor);
    }
    let header = |at, len| number(file, at, len).ok_or(Unfit::Truncated { len: file.len() as u64, needed: 64 });
    let (kind, processor) = (header(16, 2)?, header(18, 2)?);
    if PROCESSOR.is_some_and(|expected| expected != processor) {
        return Err(Unfit::Processor);
    }
    if kind != 3 {
        return Err(Unfit::NoLibrary);
    }
    let (table, size, count) = (header(32, 8)?, header(54, 2)?, header(56, 2)?);
    let segments: Vec<Segment> =
        (0..count).map_while(|index| segment(file, table.checked_add(index * size)?)).collect();
    let ends = segments
        .iter()
        .filter(|segment| segment.kind == LOAD)
        .map(|segment| segment.offset.saturating_add(segment.size));
    let sections = header(40, 8)?.saturating_add(header(58, 2)? * header(60, 2)?);
    let needed = ends.chain([sections, table.saturating_add(size * count)]).max().unwrap_or_default();
    if needed > file.len() as u64 {
        return Err(Unfit::Truncated { len: file.len() as u64, needed });
    }
    let names = names(file, &segments).ok_or(Unfit::NoLibrary)?;
    if names.split(|byte| *byte == 0).any(|known| known == name) { Ok(()) } else { Err(Unfit::Foreign) }
}

fn segment(file: &[u8], at: u64) -> Option<Segment> {
    let field = |offset, len| number(file, at.checked_add(offset)?, len);
    Some(Segment { kind: field(0, 4)?, offset: field(8, 8)?, address: field(16, 8)?, size: field(32, 8)? })
}

/// The table of names that the loader uses.
fn names<'f>(file: &'f [u8], segments: &[Segment]) -> Option<&'f [u8]> {
    let dynamic = segments.iter().find(|segment| segment.kind == DYNAMIC)?;
    let places = (0..dynamic.size / 16).map_while(|index| dynamic.offset.checked_add(16 * index));
    // They end with the file, whatever the header says.
    let entries = places.map_while(|at| Some((number(file, at, 8)?, number(file, at.checked_add(8)?, 8)?)));
    let entry = |wanted| entries.clone().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let (address, size) = (entry(NAMES)?, entry(NAMES_SIZE)?);
    // Addresses are those of the memory that the file is loaded to.
    let holds = |segment: &&Segment| {
        let from = address.checked_sub(segment.address);
        segment.kind == LOAD && from.and_then(|from| from.checked_add(size)).is_some_and(|end| end <= segment.size)
    };
    let segment = segments.iter().find(holds)?;
    let start = usize::try_from(segment.offset.checked_add(address - segment.address)?).ok()?;
    file.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

/// `len` bytes as a number.
fn number(file: &[u8], at: u64, len: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = file.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This program itself is nearly a library: it is loaded to any address.
    fn program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    fn refusal(file: &[u8]) -> String {
        check(file, b"OrtGetApiBase").unwrap_err().to_string()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_are_found_where_the_loader_finds_them() {
        let file = program();
        check(&file, b"malloc").unwrap();
        assert_eq!(refusal(&file), "it does not export OrtGetApiBase");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_not_whole_or_not_ours_is_refused() {
        let file = program();
        let half = &file[..file.len() / 2];
        let needed = format!("it is cut short: it has {} bytes, but must have ", half.len());
        assert!(refusal(half).starts_with(&needed), "{}", refusal(half));
        for len in [0, 3, 5, 17, 40, 63] {
            let _refused = refusal(&file[..len]);
        }
        let with = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] = byte;
            file
        };
        assert_eq!(refusal(&with(18, 243)), "it is for another processor");
        assert_eq!(refusal(&with(4, 1)), "it is for another processor");
        assert_eq!(refusal(&with(16, 1)), "it is no shared library");
        assert_eq!(refusal(b"MZ"), "it is no shared library");
    }

    /// Whatever a header says, nothing is read that is not there.
    #[cfg(target_os = "linux")]
    #[test]
    fn headers_that_lie_do_not_panic() {
        let mut file = program();
        let start: Vec<u8> = file[..4096].to_vec();
        for at in 16..1024 {
            for byte in [0, 0x7f, 0xff] {
                file[at] = byte;
                let _any = check(&file, b"OrtGetApiBase");
            }
            file[at] = start[at];
        }
    }
}
