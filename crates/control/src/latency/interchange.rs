//! Histograms in files: the interchange format of `HdrHistogram` (version 2, deflated, in base64), which its other
//! implementations read, too.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

use super::Latency;

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
        let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| problem(&error))?;
        Ok(Self(histogram))
    }
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
