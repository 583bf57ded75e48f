//! Mutants of logs: of whole files, of the records in a chunk, and of messages in sound files. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use mcap::records::MessageHeader;
use mcap::{Channel, Compression, MAGIC, MessageStream, WriteOptions};
use ndarray::array;
use parapolicy_control::Plan;
use parapolicy_control::playback::{Command, Source};
use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_log::LogFile;

/// A zstandard frame of 100 KiB may unpack to a gigabyte, of which the longest record is kept.
const BOUNDS: Bounds = Bounds { bytes: 1 << 30, time: Duration::from_secs(20) };

/// What a log holds, in few bytes.
fn log(folder: &Path) -> Vec<u8> {
    let path = folder.join("seed.mcap");
    let file = LogFile::create(&path, 64).unwrap();
    for seed in [3, 3] {
        let episode = file.run("picard").episode(seed);
        for step in 0..2 {
            let (time, action) = (Duration::from_millis(100 * step), array![0.5, -0.5]);
            episode.observation(time, array![1.0, 2.0, 3.0].view());
            let (actions, iterates) = (array![[0.5, -0.5], [0.25, 0.5]], vec![array![[0.5, 0.5]]]);
            let plan = Plan { actions, iterates, intended: 1, rounds: 2, ..Plan::default() };
            episode.plan(time, time, &plan);
            let command = Command { action: action.view(), source: Source::Plan, withheld: None, observed: Some(time) };
            episode.command(time, &command);
        }
    }
    file.finish().unwrap();
    std::fs::read(path).unwrap()
}

fn attempt(path: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).unwrap();
    parapolicy_log::read(path).into()
}

#[test]
fn mutants_of_files_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let summary = run("mcap", &[log(folder.path())], 2000, BOUNDS, |bytes| attempt(&path, bytes));
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}

/// A record: what it is, how long, and its content.
fn record(opcode: u8, content: &[u8]) -> Vec<u8> {
    [&[opcode][..], &(content.len() as u64).to_le_bytes(), content].concat()
}

/// The records of a log, as a chunk would have them.
fn records(log: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let mut records = Vec::new();
    let mut known = Vec::new();
    for message in MessageStream::new(log).unwrap() {
        let message = message.unwrap();
        let Channel { id, topic, message_encoding, .. } = &*message.channel;
        if !known.contains(id) {
            known.push(*id);
            let channel = [&id.to_le_bytes()[..], &[0, 0], &text(topic), &text(message_encoding), &[0; 4]].concat();
            records.extend(record(4, &channel));
        }
        let header = [&id.to_le_bytes()[..], &[0; 4], &[0; 16]].concat();
        records.extend(record(5, &[&header[..], &message.data].concat()));
    }
    records
}

#[test]
fn mutants_of_records_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let seed = records(&log(folder.path()));
    let summary = run("mcap records", &[seed], 2000, BOUNDS, |records| {
        let size = (records.len() as u64).to_le_bytes();
        // Two times, the size, no checksum, no compression, and the size once more.
        let chunk = [&[0; 16][..], &size, &[0; 4], &[0; 4], &size, records].concat();
        attempt(&path, &[MAGIC, &record(1, &[0; 8]), &record(6, &chunk), &record(15, &[0; 4])].concat())
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}

#[test]
fn mutants_of_messages_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let log = log(folder.path());
    let messages: Vec<_> = MessageStream::new(&log).unwrap().map(Result::unwrap).collect();
    // The first byte says which message is replaced.
    let numbered = |(index, message): (usize, &mcap::Message<'_>)| [&[index as u8][..], &message.data].concat();
    let seeds: Vec<_> = messages.iter().enumerate().map(numbered).collect();
    let summary = run("mcap messages", &seeds, 2000, BOUNDS, |mutant| {
        let Some((&index, data)) = mutant.split_first() else { return Outcome::Refused };
        let compression = if index % 8 == 0 { Some(Compression::Zstd) } else { None };
        let options = WriteOptions::new().compression(compression).compression_threads(0);
        let mut file = Cursor::new(Vec::new());
        let mut writer = options.create(&mut file).unwrap();
        let mut channels = BTreeMap::new();
        for (at, message) in messages.iter().enumerate() {
            let Channel { id, topic, message_encoding, schema, .. } = &*message.channel;
            let channel_id = *channels.entry(*id).or_insert_with(|| {
                let schema = schema
                    .as_ref()
                    .map_or(0, |schema| writer.add_schema(&schema.name, &schema.encoding, &schema.data).unwrap());
                writer.add_channel(schema, topic, message_encoding, &BTreeMap::new()).unwrap()
            });
            let header = MessageHeader { channel_id, sequence: 0, log_time: 0, publish_time: 0 };
            let data = if at == usize::from(index) % messages.len() { data } else { &message.data };
            writer.write_to_known_channel(&header, data).unwrap();
        }
        writer.finish().unwrap();
        drop(writer);
        attempt(&path, &file.into_inner())
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
