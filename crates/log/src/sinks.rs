//! Where messages go: the file, and whoever watches.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

use mcap::records::MessageHeader;
use mcap::{Compression, McapError, WriteOptions};

#[cfg(feature = "live")]
use super::live::Live;
use super::topic::Schema;

/// The file, and those who watch.
pub(super) struct Sinks {
    file: mcap::Writer<BufWriter<File>>,
    /// Of each channel: its number in the file, and the messages on it.
    channels: Vec<(u16, u32)>,
    #[cfg(feature = "live")]
    live: Option<Live>,
}

impl Sinks {
    /// Begins a file with these channels: their topics and schemas.
    pub fn new(file: File, channels: &[(String, Schema)]) -> Result<Self, McapError> {
        let options = WriteOptions::new()
            .compression(Some(Compression::Zstd))
            // Compress on this thread.
            .compression_threads(0)
            .library(concat!("parapolicy ", env!("CARGO_PKG_VERSION")));
        let mut file = options.create(BufWriter::new(file))?;
        let mut channel = |(topic, schema): &(String, Schema)| {
            let id = file.add_schema(schema.name, schema.encoding, schema.data)?;
            Ok((file.add_channel(id, topic, schema.message_encoding, &BTreeMap::new())?, 0))
        };
        let channels = channels.iter().map(&mut channel).collect::<Result<Vec<_>, McapError>>()?;
        // From now on the file is a valid MCAP file.
        file.flush()?;
        Ok(Self {
            file,
            channels,
            #[cfg(feature = "live")]
            live: None,
        })
    }

    /// The same, shown to whoever watches.
    #[cfg(feature = "live")]
    pub fn watched(mut self, live: Option<Live>) -> Self {
        self.live = live;
        self
    }

    /// Writes a message to a channel. Whoever watches gets it before the file.
    pub fn write(&mut self, channel: usize, log_time: u64, message: &[u8]) -> Result<(), McapError> {
        #[cfg(feature = "live")]
        if let Some(live) = &self.live {
            live.write(channel, log_time, message);
        }
        let (channel_id, sequence) = &mut self.channels[channel];
        let header = MessageHeader { channel_id: *channel_id, sequence: *sequence, log_time, publish_time: log_time };
        *sequence = sequence.wrapping_add(1);
        self.file.write_to_known_channel(&header, message)
    }

    /// Closes a chunk: what was written can be read from now on.
    pub fn flush(&mut self) -> Result<(), McapError> {
        self.file.flush()
    }

    /// Closes the file.
    pub fn finish(mut self) -> Result<(), McapError> {
        self.file.finish()?;
        self.file.into_inner().into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(())
    }
}
