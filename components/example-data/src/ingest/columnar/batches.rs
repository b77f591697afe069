//! The batches of a Parquet or Arrow file, one after the other.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::super::{FileKind, InputFile, format};
use crate::DataError;
use crate::limits::BLOCK_ROWS;

/// First bytes of an Arrow file; what follows them is laid out like a stream.
const ARROW_FILE_MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// Words of eight zeros that may follow it: the largest alignment that writers use is 64 bytes.
const ARROW_PADDING_WORDS_MAX: usize = 8;

/// A file that is being read.
pub(super) struct Batches {
    reader: Reader,
    path: PathBuf,
    name: String,
    /// What is left of a batch that was larger than a block.
    rest: Option<RecordBatch>,
}

enum Reader {
    Parquet(ParquetRecordBatchReader, SchemaRef),
    Arrow(Box<StreamReader<Box<dyn Read + Send>>>),
}

impl Batches {
    pub(super) fn open(kind: FileKind, file: &InputFile) -> Result<Self, DataError> {
        let reader = if kind == FileKind::Parquet {
            let opened =
                File::open(&file.path).map_err(|error| DataError::io("open", &file.path, error))?;
            let failed = |error| DataError::parquet(&file.path, error);
            let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(failed)?;
            let schema = builder.schema().clone();
            let reader = builder
                .with_batch_size(BLOCK_ROWS)
                .build()
                .map_err(failed)?;
            Reader::Parquet(reader, schema)
        } else {
            let stream = arrow_stream(file)?;
            let reader = StreamReader::try_new(stream, None).map_err(|error| {
                DataError::arrow(format!("{}: not a readable Arrow file", file.name), error)
            })?;
            Reader::Arrow(Box::new(reader))
        };
        Ok(Self {
            reader,
            path: file.path.clone(),
            name: file.name.clone(),
            rest: None,
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        match &self.reader {
            Reader::Parquet(_, schema) => schema.clone(),
            Reader::Arrow(reader) => reader.schema(),
        }
    }

    /// At most a block of rows; none at the end of the file.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, DataError> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.read()? {
                Some(batch) => batch,
                None => return Ok(None),
            },
        };
        if batch.num_rows() <= BLOCK_ROWS {
            return Ok(Some(batch));
        }
        self.rest = Some(batch.slice(BLOCK_ROWS, batch.num_rows() - BLOCK_ROWS));
        Ok(Some(batch.slice(0, BLOCK_ROWS)))
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, DataError> {
        let next = match &mut self.reader {
            Reader::Parquet(reader, _) => reader.next(),
            Reader::Arrow(reader) => reader.next(),
        };
        next.transpose().map_err(|error| {
            let shown = self.path.display();
            let what = if self.path.ends_with(&self.name) {
                format!("cannot read {shown}")
            } else {
                format!("cannot read {}, {shown}", self.name)
            };
            DataError::arrow(what, error)
        })
    }
}

/// A stream, or a file as the stream that it contains: its footer is not needed in order to read it
/// from start to end, and a compressed file has none within reach.
fn arrow_stream(file: &InputFile) -> Result<Box<dyn Read + Send>, DataError> {
    let mut input = format::open(file)?;
    let mut first = Vec::with_capacity(ARROW_FILE_MAGIC.len());
    (&mut input)
        .take(ARROW_FILE_MAGIC.len() as u64)
        .read_to_end(&mut first)
        .map_err(|error| DataError::io("read", &file.path, error))?;
    if first.starts_with(b"FEA1") {
        return Err(DataError::input(
            &file.name,
            "it is a Feather file of the old version 1; write it again with version 2",
        ));
    }
    if first == ARROW_FILE_MAGIC {
        // Some writers align what follows, with zeros; a stream never begins with eight of them.
        for _ in 0..ARROW_PADDING_WORDS_MAX {
            let mut word = [0_u8; 8];
            input
                .read_exact(&mut word)
                .map_err(|error| DataError::io("read", &file.path, error))?;
            if word != [0; 8] {
                return Ok(Box::new(Cursor::new(word).chain(input)));
            }
        }
    }
    if let Some(problem) = format::disguise(&first) {
        return Err(DataError::input(&file.name, problem));
    }
    Ok(Box::new(Cursor::new(first).chain(input)))
}
