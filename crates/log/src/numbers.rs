//! Numbers that are plotted: `std_msgs/msg/Float64MultiArray`, in the common data representation of ROS 2 (CDR, little
//! endian; OMG's DDS-XTypes 1.3, section 7.4, version 1).
//!
//! ```text
//! 00 01 00 00                                   CDR, little endian
//! 1  label  size  stride                        one dimension, named
//! 0                                             offset of the data
//! n  number … number                            f64, at a multiple of 8 bytes from here on ↑
//! ```

/// The header's length, from whose end positions are counted.
const HEADER: usize = 4;

/// Appends a message with these numbers, of the dimension `label`, to the empty `out`.
pub(super) fn encode(label: &str, numbers: &[f64], out: &mut Vec<u8>) {
    // Those that call it plot a few numbers.
    let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    out.extend([0, 1, 0, 0]);
    put(1, out);
    put(u32::try_from(label.len() + 1).unwrap_or(u32::MAX), out);
    out.extend(label.bytes().chain([0]));
    align(4, out);
    // Its size, its stride, the offset of the data, and how many they are.
    [count, count, 0, count].into_iter().for_each(|word| put(word, out));
    if !numbers.is_empty() {
        align(8, out);
    }
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

fn put(word: u32, out: &mut Vec<u8>) {
    out.extend(word.to_le_bytes());
}

fn align(to: usize, out: &mut Vec<u8>) {
    out.resize(HEADER + (out.len() - HEADER).next_multiple_of(to), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the encoder of ROS 2's own Python library for MCAP writes it.
    #[test]
    fn numbers_are_encoded_as_ros_encodes_them() {
        let mut out = Vec::new();
        encode("action", &[1.0, -0.5], &mut out);
        let expected = "00010000 01000000 07000000 61637469 6f6e0000 02000000 02000000 00000000 02000000 \
                        000000000000f03f 000000000000e0bf";
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected.replace([' ', '\n'], ""));
    }
}
