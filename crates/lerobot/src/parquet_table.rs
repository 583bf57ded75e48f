//! A table in a Parquet file: its columns, their schema, and the writer that appends row groups.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parapolicy_pusht::Frame;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// The values of a column, row after row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Values {
    /// In single precision.
    Floats(Vec<f32>),
    /// In double precision.
    Doubles(Vec<f64>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// True or false.
    Flags(Vec<bool>),
    /// Text.
    Texts(Vec<String>),
    /// Pictures, kept as PNG files.
    Frames(Vec<Frame>),
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The shape of a row's value: empty for a number, else nested lists.
    pub shape: Vec<usize>,
    /// The rows, one after the other.
    pub values: Values,
}

impl Values {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Doubles(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Flags(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Frames(values) => values.len(),
        }
    }
}

impl Column {
    /// A column of rows of this shape.
    pub fn new(name: impl Into<String>, shape: &[usize], values: Values) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values }
    }

    /// A column with one number per row.
    pub fn integers(name: impl Into<String>, values: Vec<i64>) -> Self {
        Self::new(name, &[], Values::Integers(values))
    }

    /// The column in Parquet's schema language, everything in it optional, as pyarrow writes it.
    fn schema(&self) -> String {
        let name = &self.name;
        let leaf = match self.values {
            Values::Floats(_) => "float",
            Values::Doubles(_) => "double",
            Values::Integers(_) => "int64",
            Values::Flags(_) => "boolean",
            Values::Texts(_) => "binary",
            Values::Frames(_) => {
                return format!("optional group {name} {{ optional binary bytes; optional binary path (STRING); }}");
            }
        };
        let text = if leaf == "binary" { " (STRING)" } else { "" };
        let leaf = |name: &str| format!("optional {leaf} {name}{text};");
        let list = |within: String, name: &str| {
            format!("optional group {name} (LIST) {{ repeated group list {{ {within} }} }}")
        };
        match self.shape.len() {
            0 => leaf(name),
            depth => list((1..depth).fold(leaf("element"), |within, _| list(within, "element")), name),
        }
    }

    /// Repetition level of each element: how many of its enclosing lists it continues; 0 begins a row.
    fn repetition_levels(&self, elements: usize) -> Vec<i16> {
        let shape = self.shape.as_slice();
        let width: usize = shape.iter().product();
        let level = |element: usize| match element % width {
            0 => 0,
            at => {
                (1..=shape.len()).find(|&depth| at % shape[depth..].iter().product::<usize>() == 0).unwrap_or(0) as i16
            }
        };
        (0..elements).map(level).collect()
    }
}

/// A table that is being written.
pub struct Table(SerializedFileWriter<File>);

impl Table {
    /// Creates a table with columns like these and with key-value metadata.
    pub fn create(path: &Path, columns: &[Column], metadata: Option<KeyValue>) -> Result<Self, ParquetError> {
        let columns: String = columns.iter().map(Column::schema).collect();
        let schema = parse_message_type(&format!("message schema {{ {columns} }}"))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(metadata.map(|entry| vec![entry]));
        let file = File::create_new(path)?;
        Ok(Self(SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?))
    }

    /// Writes a whole table, as one group of rows.
    pub fn write(path: &Path, columns: &[Column], metadata: Option<KeyValue>) -> Result<(), ParquetError> {
        let mut table = Self::create(path, columns, metadata)?;
        table.append(columns)?;
        table.finish()
    }

    /// Appends rows, as a group.
    pub fn append(&mut self, columns: &[Column]) -> Result<(), ParquetError> {
        let mut group = self.0.next_row_group()?;
        for column in columns {
            let texts = |texts: &[String]| texts.iter().map(|text| ByteArray::from(text.as_str())).collect::<Vec<_>>();
            match &column.values {
                Values::Floats(values) => write::<FloatType>(&mut group, column, values)?,
                Values::Doubles(values) => write::<DoubleType>(&mut group, column, values)?,
                Values::Integers(values) => write::<Int64Type>(&mut group, column, values)?,
                Values::Flags(values) => write::<BoolType>(&mut group, column, values)?,
                Values::Texts(values) => write::<ByteArrayType>(&mut group, column, &texts(values))?,
                Values::Frames(frames) => {
                    let column = Column::new("", &[], Values::Texts(Vec::new()));
                    let files = frames.iter().map(png).collect::<Result<Vec<_>, _>>()?;
                    let names: Vec<_> = (0..files.len()).map(|frame| format!("frame-{frame:06}.png")).collect();
                    write::<ByteArrayType>(&mut group, &column, &files)?;
                    write::<ByteArrayType>(&mut group, &column, &texts(&names))?;
                }
            }
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file, and waits until it is on the disk.
    pub fn finish(self) -> Result<(), ParquetError> {
        Ok(self.0.into_inner()?.sync_all()?)
    }
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    column: &Column,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General(format!("there is no column for {}", column.name)));
    };
    let typed = writer.typed::<T>();
    // No value is missing, so every definition level is the maximum.
    let defined = vec![typed.get_descriptor().max_def_level(); values.len()];
    typed.write_batch(values, Some(&defined), Some(&column.repetition_levels(values.len())))?;
    writer.close()
}

fn png(frame: &Frame) -> Result<ByteArray, ParquetError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, frame.width(), frame.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(frame.rgb()));
    written.map_err(|error| ParquetError::External(error.into()))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]` twice, by the definition of Dremel (Melnik et al. 2010).
    #[test]
    fn elements_say_which_of_their_lists_go_on() {
        let column = |shape: &[usize]| Column::new("x", shape, Values::Doubles(Vec::new()));
        let row = [0, 3, 2, 3, 1, 3, 2, 3];
        assert_eq!(column(&[2, 2, 2]).repetition_levels(16), [row, row].concat());
        assert_eq!(column(&[3]).repetition_levels(6), [0, 1, 1, 0, 1, 1]);
        assert_eq!(column(&[3, 1, 1]).repetition_levels(3), [0, 1, 1]);
        assert_eq!(column(&[]).repetition_levels(3), [0, 0, 0]);
    }
}
