//! The messages of an MCAP file (<https://mcap.dev/spec>), whatever the lengths in it claim.
//!
//! The crate `mcap` reads the records. It is given a longest record, which no file of this size can exceed, and what it
//! would not survive is kept from it: records of chunks that are not compressed and claim more than their chunk holds, texts
//! that claim more than their record holds, and every record but those that messages need.

use std::borrow::Cow;

use mcap::read::ChannelAccumulator;
use mcap::records::{Record, op};
use mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::{MAGIC, McapError, McapResult, Message, parse_record};

/// The longest record: an observation of a few images is a tenth of it.
const LONGEST_RECORD: usize = 256 << 20;

/// The most bytes that all records of a file may have when they are unpacked: hours of a control loop. A chunk of a few
/// kilobytes can unpack to a gigabyte.
const MOST_UNPACKED: usize = 1 << 30;

/// Zstandard's shortest block has 3 bytes and unpacks to 128 KiB at most (RFC 8878, sections 3.1.1.2.3 and 3.1.1.2.4).
const LARGEST_RATIO: usize = 44_000;

/// Fixed part of a chunk before the name of its compression: two times, its size, and a checksum.
const CHUNK_START: usize = 8 + 8 + 8 + 4;

/// The messages of a file, in its order. After an error there are no more.
pub(super) struct Messages<'a> {
    /// What was not read yet.
    rest: &'a [u8],
    reader: LinearReader,
    channels: ChannelAccumulator<'static>,
    unpacked: usize,
    ended: bool,
}

impl<'a> Messages<'a> {
    /// The messages of the file that these bytes are.
    pub fn new(file: &'a [u8]) -> McapResult<Self> {
        check_chunks(file)?;
        let longest = LONGEST_RECORD.min(file.len().saturating_mul(LARGEST_RATIO));
        let options = LinearReaderOptions::default().with_skip_end_magic(true).with_record_length_limit(longest);
        let reader = LinearReader::new_with_options(options);
        Ok(Self { rest: file, reader, channels: ChannelAccumulator::default(), unpacked: 0, ended: false })
    }

    /// The next message; `None` at the file's end, or where its summary begins.
    fn message(&mut self) -> McapResult<Option<Message<'static>>> {
        loop {
            let Some(event) = self.reader.next_event() else { return Ok(None) };
            let (opcode, data) = match event? {
                LinearReadEvent::Record { opcode, data } => (opcode, data),
                LinearReadEvent::ReadRequest(wanted) => {
                    let (next, rest) = self.rest.split_at(wanted.min(self.rest.len()));
                    self.reader.insert(next.len()).copy_from_slice(next);
                    self.reader.notify_read(next.len());
                    self.rest = rest;
                    continue;
                }
            };
            self.unpacked = self.unpacked.saturating_add(data.len());
            if self.unpacked > MOST_UNPACKED {
                let problem = format!("the records have more than {MOST_UNPACKED} bytes");
                return Err(McapError::DecompressionError(problem));
            }
            if opcode == op::DATA_END {
                return Ok(None);
            }
            if !matches!(opcode, op::SCHEMA | op::CHANNEL | op::MESSAGE) {
                continue;
            }
            check_texts(opcode, data)?;
            match parse_record(opcode, data)? {
                Record::Schema { header, data } => self.channels.add_schema_from_slice(header, &data)?,
                Record::Channel(channel) => self.channels.add_channel(channel)?,
                Record::Message { header, data } => {
                    let unknown = McapError::UnknownChannel(header.sequence, header.channel_id);
                    return Ok(Some(Message {
                        channel: self.channels.get(header.channel_id).ok_or(unknown)?,
                        sequence: header.sequence,
                        log_time: header.log_time,
                        publish_time: header.publish_time,
                        data: Cow::Owned(data.into_owned()),
                    }));
                }
                _ => {}
            }
        }
    }
}

impl Iterator for Messages<'_> {
    type Item = McapResult<Message<'static>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.message().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Refuses texts in schemas and channels that claim more than is left of their record: memory would be taken for them.
fn check_texts(opcode: u8, data: &[u8]) -> McapResult<()> {
    // Numbers before the first of two texts: the record's own, and of a channel that of its schema.
    let numbers = match opcode {
        op::SCHEMA => 2,
        op::CHANNEL => 4,
        _ => return Ok(()),
    };
    let rest = data.get(numbers..).ok_or(McapError::UnexpectedEoc)?;
    let mut rest = after_text(opcode, after_text(opcode, rest)?)?;
    if opcode == op::CHANNEL {
        let (&size, map) = rest.split_first_chunk().ok_or(McapError::UnexpectedEoc)?;
        let end = map.len().saturating_sub(u32::from_le_bytes(size) as usize);
        rest = map;
        while rest.len() > end {
            rest = after_text(opcode, rest)?;
        }
    }
    Ok(())
}

/// What comes after a text, which its length precedes.
fn after_text(opcode: u8, bytes: &[u8]) -> McapResult<&[u8]> {
    let (&len, rest) = bytes.split_first_chunk().ok_or(McapError::UnexpectedEoc)?;
    let len = u32::from_le_bytes(len);
    rest.get(len as usize..).ok_or(McapError::RecordTooLarge { opcode, len: len.into() })
}

/// Refuses records that claim more than is left of their chunk, where a chunk is not compressed. A file may be cut short.
fn check_chunks(file: &[u8]) -> McapResult<()> {
    let mut rest = file.get(MAGIC.len()..).unwrap_or_default();
    while let Some((opcode, len, after)) = record(rest) {
        let Some((body, next)) = after.split_at_checked(usize::try_from(len).unwrap_or(usize::MAX)) else {
            // It ends with the file.
            return if opcode == op::CHUNK { check_chunk(after) } else { Ok(()) };
        };
        if opcode == op::CHUNK {
            check_chunk(body)?;
        }
        rest = next;
    }
    Ok(())
}

fn check_chunk(body: &[u8]) -> McapResult<()> {
    let Some(sizes) = body.get(CHUNK_START..) else { return Ok(()) };
    // The length of the compression's name, which is empty for none, and the length of the records.
    let Some((&[0, 0, 0, 0], sizes)) = sizes.split_first_chunk() else { return Ok(()) };
    let Some((&size, mut records)) = sizes.split_first_chunk() else { return Ok(()) };
    let mut left = u64::from_le_bytes(size);
    while left > 0 {
        let Some((opcode, len, after)) = record(records) else { break };
        let whole = len.saturating_add((records.len() - after.len()) as u64);
        left = left.checked_sub(whole).ok_or(McapError::RecordTooLarge { opcode, len })?;
        let Some(next) = usize::try_from(len).ok().and_then(|len| after.get(len..)) else { return Ok(()) };
        records = next;
    }
    // What is left is too short for a record, or the file is cut short.
    if left > 0 && left < 9 { Err(McapError::UnexpectedEoc) } else { Ok(()) }
}

/// The opcode of the record at the beginning, the length that it claims, and what comes after those.
fn record(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (&opcode, rest) = bytes.split_first()?;
    let (&len, rest) = rest.split_first_chunk()?;
    Some((opcode, u64::from_le_bytes(len), rest))
}
