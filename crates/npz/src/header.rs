//! The header of an `.npy` file, as NumPy's format description has it
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>):
//!
//! ```text
//! "\x93NUMPY", version (1.0, 2.0 or 3.0), length of the rest (u16, later u32), then a Python dictionary:
//! {'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }
//! ```
//!
//! Only that dictionary is read, not Python at large: no key but these three, no nesting. A header ends where
//! `numpy.load` gives up, at 10,000 bytes.

use std::io::{self, Read};

/// What `numpy.load` takes at most, bytes.
pub(crate) const LONGEST: usize = 10_000;

/// As many axes as NumPy's arrays have at most.
const MOST_AXES: usize = 64;

/// What an array is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Type of its elements, in NumPy's words: `<f8`.
    pub descr: String,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads the header from the beginning of an array's file; the numbers come next.
    pub fn read(file: &mut impl Read) -> Result<Self, String> {
        let mut start = [0; 8];
        take(file, &mut start)?;
        let [magic @ .., major, minor] = start;
        if magic != *b"\x93NUMPY" {
            return Err("is not in the format of NumPy: write it with numpy.savez".into());
        }
        let len = match (major, minor) {
            (1, 0) => {
                let mut len = [0; 2];
                take(file, &mut len)?;
                usize::from(u16::from_le_bytes(len))
            }
            (2 | 3, 0) => {
                let mut len = [0; 4];
                take(file, &mut len)?;
                u32::from_le_bytes(len) as usize
            }
            _ => return Err(format!("has version {major}.{minor} of NumPy's format, but must have 1.0, 2.0 or 3.0")),
        };
        if len > LONGEST {
            return Err(format!("claims a header of {len} bytes, but {LONGEST} is the most"));
        }
        let mut header = vec![0; len];
        take(file, &mut header)?;
        let header = String::from_utf8(header).map_err(|_| "has a header that is not text")?;
        Parser { rest: header.trim_end(), len: header.len() }.header()
    }

    /// How many numbers it has, if that is a number.
    pub fn count(&self) -> Option<usize> {
        // An axis of no length hides no other that overflows.
        let product = self.shape.iter().filter(|size| **size > 0).try_fold(1_usize, |all, &size| all.checked_mul(size));
        if self.shape.contains(&0) { product.map(|_| 0) } else { product }
    }
}

fn take(file: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "ends within its header".into(),
        _ => format!("cannot be unpacked ({error})"),
    })
}

/// What is left of a header's text.
struct Parser<'a> {
    rest: &'a str,
    len: usize,
}

impl<'a> Parser<'a> {
    fn header(mut self) -> Result<Header, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.skip("}") {
            let key = self.string()?;
            self.expect(":")?;
            let is_new = match key {
                "descr" => descr.replace(self.string()?.to_owned()).is_none(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.shape()?).is_none(),
                _ => return Err(format!("has a header with the unknown key {key:?}")),
            };
            if !is_new {
                return Err(format!("has a header with two values of '{key}'"));
            }
            if !self.skip(",") {
                self.expect("}")?;
                break;
            }
        }
        if !self.rest.is_empty() {
            return self.refused("its end");
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape }),
            _ => Err("has a header that lacks 'descr', 'fortran_order' or 'shape'".into()),
        }
    }

    /// Without escapes: no name of a type has any.
    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.skip("'") {
            '\''
        } else if self.skip("\"") {
            '"'
        } else {
            return self.refused("a text in quotes (structured types are not read)");
        };
        let Some((string, rest)) = self.rest.split_once(quote) else { return self.refused("a closing quote") };
        self.rest = rest;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        match (self.skip("True"), self.skip("False")) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => self.refused("True or False"),
        }
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.expect("(")?;
        while !self.skip(")") {
            let digits = self.rest.trim_start();
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let (digits, rest) = digits.split_at(end);
            if digits.is_empty() {
                return self.refused("the size of an axis");
            }
            self.rest = rest;
            shape.push(digits.parse().map_err(|_| format!("has an axis of {digits} numbers"))?);
            if shape.len() > MOST_AXES {
                return Err(format!("has more than {MOST_AXES} axes"));
            }
            // Python 2 wrote such numbers.
            self.skip("L");
            if !self.skip(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }

    fn skip(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.skip(word) { Ok(()) } else { self.refused(word) }
    }

    fn refused<T>(&self, expected: &str) -> Result<T, String> {
        Err(format!(
            "has a header that is none of NumPy's: {expected} is missing at byte {}",
            self.len - self.rest.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Header, String> {
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        Header::read(&mut &bytes[..])
    }

    #[test]
    fn what_numpy_writes_is_read() {
        let header = of("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }      \n").unwrap();
        assert_eq!(header, Header { descr: "<f8".into(), fortran_order: false, shape: vec![3, 5] });
        assert_eq!(of("{\"shape\":(3L,),'fortran_order':True,'descr':'|b1'}").unwrap().shape, [3]);
        assert_eq!(of("{'descr': '<f8', 'fortran_order': False, 'shape': (), }").unwrap().count(), Some(1));
    }

    #[test]
    fn what_it_does_not_write_is_refused() {
        let header = |value: &str| of(&format!("{{'descr': {value}, 'fortran_order': False, 'shape': (3,), }}"));
        let nested = "[".repeat(4000);
        for value in [nested.as_str(), "[('x', '<f8')]", "'<f8", "", "None"] {
            assert!(header(value).unwrap_err().starts_with("has a header that is none of NumPy's"), "{value}");
        }
        for (text, problem) in [
            ("{'descr': '<f8', 'shape': (1,)}", "has a header that lacks 'descr', 'fortran_order' or 'shape'"),
            ("{'descr': '<f8', 'descr': '<f4'}", "has a header with two values of 'descr'"),
            ("{'other': '<f8'}", "has a header with the unknown key \"other\""),
            ("{'shape': (-1,)}", "has a header that is none of NumPy's: the size of an axis is missing at byte 11"),
            ("{'shape': (99999999999999999999,)}", "has an axis of 99999999999999999999 numbers"),
        ] {
            assert_eq!(of(text).unwrap_err(), problem);
        }
        assert_eq!(of(&format!("{{'shape': ({}", "1,".repeat(65))).unwrap_err(), "has more than 64 axes");
    }

    #[test]
    fn a_length_that_is_only_claimed_is_refused() {
        let claimed = |start: &[u8]| Header::read(&mut &start[..]).unwrap_err();
        assert_eq!(
            claimed(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"),
            "claims a header of 4294967295 bytes, but 10000 is the most"
        );
        assert_eq!(claimed(b"\x93NUMPY\x01\x00\x76\x00{"), "ends within its header");
        assert_eq!(
            claimed(b"\x93NUMPY\x04\x00\x76\x00{"),
            "has version 4.0 of NumPy's format, but must have 1.0, 2.0 or 3.0"
        );
        assert_eq!(claimed(b"PK"), "ends within its header");
    }

    #[test]
    fn products_that_overflow_are_no_counts() {
        let count =
            |shape: &[usize]| Header { descr: String::new(), fortran_order: false, shape: shape.into() }.count();
        assert_eq!(count(&[1 << 32, 1 << 32]), None);
        assert_eq!(count(&[1 << 32, 1 << 32, 0]), None);
        assert_eq!(count(&[3, 0]), Some(0));
    }
}
