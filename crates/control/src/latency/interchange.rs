//! Histograms in files: the interchange format of `HdrHistogram` (version 2, deflated, in base64), which its other
//! implementations read, too.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

use super::{Latency, SIGNIFICANT_DIGITS};

impl Serialize for Latency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).map_err(S::Error::custom)?;
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let problem = |error: &dyn std::fmt::Display| D::Error::custom(format!("not an HdrHistogram: {error}"));
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| problem(&error))?;
        read(&bytes).map(Self).map_err(|error| problem(&error))
    }
}

/// Most bytes of an inflated histogram: its head, and nine at most for each of its counts, of which those from a
/// nanosecond to an hour are 34,000 at three digits.
const MOST: u64 = 1 << 20;

/// What a deflated histogram of version 2 begins with; its length follows.
const KIND: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();

/// Bytes of its head: kind, length, offset, digits, lowest, highest, ratio.
const HEAD: usize = 40;

/// Reads a histogram. What it says of its own size is checked against what is there before anything is allocated.
fn read(bytes: &[u8]) -> Result<Histogram<u64>, String> {
    let mut inflated = Vec::new();
    if !bytes.starts_with(&KIND) {
        return Err("it is of another kind".to_owned());
    }
    let deflated = bytes.get(8..).ok_or("it ends in its head")?;
    ZlibDecoder::new(deflated).take(MOST).read_to_end(&mut inflated).map_err(|error| error.to_string())?;
    let number = |at: usize| {
        let bytes = inflated.get(at..at + 4)?;
        Some(bytes.iter().fold(0_usize, |number, byte| (number << 8) | usize::from(*byte)))
    };
    let (Some(length), Some(digits)) = (number(4), number(12)) else { return Err("it ends in its head".to_owned()) };
    if inflated.len() < HEAD || length > inflated.len() - HEAD {
        return Err(format!("{length} bytes of counts are announced, but they are not there"));
    }
    if digits > usize::from(SIGNIFICANT_DIGITS) {
        return Err(format!("it has {digits} significant digits, but must have at most {SIGNIFICANT_DIGITS}"));
    }
    Deserializer::new().deserialize(&mut inflated.as_slice()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_histogram_survives_json(nanoseconds in prop::collection::vec(0..10_000_000_000_u64, 0..50)) {
            let mut latency = Latency::new();
            nanoseconds.into_iter().for_each(|value| latency.record(Duration::from_nanos(value)));
            let text = serde_json::to_string(&latency).unwrap();
            prop_assert!(text.starts_with("\"HISTFA"), "the form's mark: {text}");
            prop_assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency);
        }

        /// What a head claims costs nothing: a histogram that announces gigabytes of counts, or many digits.
        #[test]
        fn what_is_announced_is_not_allocated(length in 64..u32::MAX, digits in 4..6_u32) {
            let head = |length: u32, digits: u32| {
                let mut head = Vec::new();
                for number in [0x1c84_9313, length, 0, digits] {
                    head.extend(number.to_be_bytes());
                }
                head.extend([1_u64, u64::MAX / 4, 1.0_f64.to_bits()].into_iter().flat_map(u64::to_be_bytes));
                head
            };
            let text = |head: &[u8]| {
                let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut deflated, head).unwrap();
                let deflated = deflated.finish().unwrap();
                let mut bytes = KIND.to_vec();
                bytes.extend((deflated.len() as u32).to_be_bytes());
                bytes.extend(deflated);
                format!("{:?}", BASE64_STANDARD.encode(bytes))
            };
            let measured = allocation_counter::measure(|| {
                for (head, expected) in [(head(length, 3), "bytes of counts"), (head(0, digits), "significant digits")] {
                    let error = serde_json::from_str::<Latency>(&text(&head)).unwrap_err().to_string();
                    assert!(error.contains(expected), "{error}");
                }
            });
            prop_assert!(measured.bytes_max < 4 << 20, "{} bytes", measured.bytes_max);
            let empty = serde_json::from_str::<Latency>(&text(&head(0, 3)));
            prop_assert!(empty.is_ok_and(|latency| latency.is_empty()));
        }

        /// Damaged or arbitrary input gives an error or a histogram, never a panic.
        #[test]
        fn whatever_a_file_holds_is_survived(place in 0..1000_usize, byte in any::<u8>(), text in ".{0,80}") {
            let mut latency = Latency::new();
            (1..50).for_each(|value| latency.record(Duration::from_millis(value * value)));
            let mut bytes = serde_json::to_vec(&latency).unwrap();
            let place = 1 + place % (bytes.len() - 2);
            bytes[place] = byte;
            let _may_be = serde_json::from_slice::<Latency>(&bytes);
            prop_assert!(serde_json::from_str::<Latency>(&serde_json::to_string(&text).unwrap()).is_err());
        }
    }
}
