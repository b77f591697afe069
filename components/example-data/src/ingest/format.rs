//! What kind of file a name says, and its content as a stream of bytes.
//!
//! A name's ending decides; a content that plainly is something else is said where it is read.

use std::fs::File;
use std::io::{BufReader, Read};

use super::InputFile;
use crate::DataError;

/// Bytes that a compressed file is read by.
const READ_BYTES: usize = 256 << 10;

/// The kinds of files that become examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object in each line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow's IPC, as a file (Feather) or a stream.
    Arrow,
}

impl FileKind {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::JsonLines => "JSON Lines",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Formats that a person may expect to be read, and what to do about each.
const OTHER_FORMATS: [(&str, &str); 10] = [
    (
        "json",
        "name a file with one JSON object in each line `.jsonl`",
    ),
    (
        "tsv",
        "separate its cells by commas, or convert it to Parquet",
    ),
    ("avro", "convert it to Parquet"),
    ("orc", "convert it to Parquet"),
    ("xls", "save the sheet as CSV"),
    ("xlsx", "save the sheet as CSV"),
    ("bz2", "compress it with gzip or zstd"),
    ("xz", "compress it with gzip or zstd"),
    ("lz4", "compress it with gzip or zstd"),
    ("zip", "unpack it, or compress each file with gzip or zstd"),
];

/// The kind and compression that a file's name says; a name without a known ending is CSV's.
pub(super) fn format_of(file: &InputFile) -> Result<(FileKind, Compression), DataError> {
    let lower = file.name.to_lowercase();
    let (inner, compression) = if let Some(inner) = lower.strip_suffix(".gz") {
        (inner, Compression::Gzip)
    } else if let Some(inner) = lower.strip_suffix(".zst") {
        (inner, Compression::Zstd)
    } else {
        (lower.as_str(), Compression::None)
    };
    let name = inner.rsplit('/').next().unwrap_or(inner);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let kind = match ending {
        "jsonl" | "ndjson" => FileKind::JsonLines,
        "parquet" => FileKind::Parquet,
        "arrow" | "arrows" | "feather" | "ipc" => FileKind::Arrow,
        _ => FileKind::Csv,
    };
    if let Some((ending, advice)) = OTHER_FORMATS.iter().find(|(other, _)| *other == ending) {
        return Err(DataError::input(
            &file.name,
            format!(
                "ingest reads CSV, JSON Lines, Parquet and Arrow IPC, and `.{ending}` is another \
                 format; {advice}"
            ),
        ));
    }
    if kind == FileKind::Parquet && compression != Compression::None {
        return Err(DataError::input(
            &file.name,
            "a Parquet file is read from its end, which a compressed one does not allow; decompress \
             it (Parquet compresses its columns itself)",
        ));
    }
    Ok((kind, compression))
}

/// A file's content, decompressed.
pub(super) fn open(file: &InputFile) -> Result<Box<dyn Read + Send>, DataError> {
    let opened =
        File::open(&file.path).map_err(|error| DataError::io("open", &file.path, error))?;
    let buffered = |opened| BufReader::with_capacity(READ_BYTES, opened);
    Ok(match format_of(file)?.1 {
        Compression::None => Box::new(opened),
        // A file may consist of several compressed parts, one after the other.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(opened))),
        Compression::Zstd => Box::new(
            zstd::Decoder::with_buffer(buffered(opened))
                .map_err(|error| DataError::io("decompress", &file.path, error))?,
        ),
    })
}

/// What a text that cannot be text is, from its first bytes.
pub(super) fn disguise(first: &[u8]) -> Option<&'static str> {
    Some(match first {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the file is UTF-16; save it as UTF-8",
        [0x1F, 0x8B, ..] => "the content is compressed with gzip; let its name end in .gz",
        [0x28, 0xB5, 0x2F, ..] => "the content is compressed with zstd; let its name end in .zst",
        [b'P', b'A', b'R', b'1', ..] => "the content is Parquet; let its name end in .parquet",
        [b'P', b'K', 3, ..] => "the content is a ZIP archive (or an Excel sheet); save it as CSV",
        _ => return None,
    })
}
