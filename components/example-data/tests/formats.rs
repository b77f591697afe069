//! JSON Lines, Parquet, Arrow IPC and compressed files as examples: the same rows as from CSV, in the
//! same splits, and a sentence with its place for what is wrong.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod data_folder;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StructArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field};
use data_folder::{DataFolder, columns, rows, schema, unsplit};
use example_data::DataError;
use example_data::ingest::{BadRows, IngestOptions, Ingested, InputFile, ingest};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn parquet(folder: &DataFolder, name: &str, batch: &RecordBatch) -> InputFile {
    let file = folder.file(name, b"");
    let out = File::create(&file.path).unwrap();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// The rows of one split after reading these files.
fn read(folder: &DataFolder, files: &[InputFile]) -> (String, Vec<String>) {
    ingest(files, None, &unsplit(), &folder.path("examples")).unwrap();
    let batch = folder.examples().read_all("all").unwrap();
    std::fs::remove_dir_all(folder.path("examples")).unwrap();
    (columns(&batch), rows(&batch))
}

fn refused(folder: &DataFolder, files: &[InputFile], schema_text: &str) -> String {
    let schema = (!schema_text.is_empty()).then(|| schema(schema_text));
    let result: Result<Ingested, DataError> =
        ingest(files, schema.as_ref(), &unsplit(), &folder.path("out"));
    let mut error = result.unwrap_err().to_string();
    error = error.replace(&format!("{}/", folder.path("").display()), "");
    error.replace(&folder.path("").display().to_string(), "")
}

/// Sixty rows that are the same in every format.
fn table() -> (String, String, RecordBatch) {
    let (mut csv, mut jsonl) = ("n,x,word\n".to_owned(), String::new());
    let (mut n, mut x, mut word) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..60_i64 {
        let number = row as f64 / 4.0;
        let text = (row % 7 != 0).then(|| format!("w{}", row % 5));
        let word_or_empty = text.clone().unwrap_or_default();
        csv.extend([format!("{row},{number:?},{word_or_empty}\n")]);
        let quoted = text
            .as_ref()
            .map_or("null".to_owned(), |text| format!("\"{text}\""));
        jsonl.extend([format!(
            "{{\"n\": {row}, \"x\": {number:?}, \"word\": {quoted}}}\n"
        )]);
        n.push(row);
        x.push(number);
        word.push(text);
    }
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("n", Arc::new(Int64Array::from(n)) as ArrayRef, true),
        ("x", Arc::new(Float64Array::from(x)), true),
        ("word", Arc::new(StringArray::from(word)), true),
    ]);
    (csv, jsonl, batch.unwrap())
}

#[test]
fn every_kind_of_file_gives_the_same_rows_in_the_same_splits() {
    let (csv, jsonl, batch) = table();
    let folder = DataFolder::new();
    let zstd = |content: &[u8]| zstd::encode_all(content, 3).unwrap();
    let arrow = arrow_file(&batch);
    let files = [
        folder.file("a.csv", csv.as_bytes()),
        folder.file("a.csv.gz", &gzip(csv.as_bytes())),
        folder.file("a.CSV.ZST", &zstd(csv.as_bytes())),
        parquet(&folder, "a.parquet", &batch),
        folder.file("a.feather", &arrow),
        folder.file("a.arrow.zst", &zstd(&arrow)),
        folder.file("a.arrows", &arrow_stream(&batch)),
        folder.file("a.jsonl", jsonl.as_bytes()),
        folder.file("a.ndjson.gz", &gzip(jsonl.as_bytes())),
    ];
    let mut found: Vec<BTreeMap<String, Vec<String>>> = Vec::new();
    for file in files {
        let options = IngestOptions::default();
        let name = file.name.clone();
        let done = ingest(&[file], None, &options, &folder.path("examples")).unwrap();
        assert_eq!(
            done.rows.iter().map(|(_, rows)| rows).sum::<u64>(),
            60,
            "{name}"
        );
        let of_split = |split: &str| rows(&folder.examples().read_all(split).unwrap());
        found.push(
            ["train", "eval"]
                .map(|s| (s.to_owned(), of_split(s)))
                .into(),
        );
        std::fs::remove_dir_all(folder.path("examples")).unwrap();
    }
    for other in &found[1..7] {
        assert_eq!(*other, found[0]);
    }
    // JSON Lines hashes the keys that a line has; the rows are the same, their places are not.
    assert_eq!(found[7], found[8]);
    let all = |splits: &BTreeMap<String, Vec<String>>| {
        let mut all: Vec<String> = splits.values().flatten().cloned().collect();
        all.sort();
        all
    };
    assert_eq!(all(&found[7]), all(&found[0]));
}

#[test]
fn compressed_parts_follow_each_other_and_a_cut_one_is_an_error() {
    let folder = DataFolder::new();
    let parts = [gzip(b"a\n1\n"), gzip(b"2\n")].concat();
    let (_, found) = read(&folder, &[folder.file("a.csv.gz", &parts)]);
    assert_eq!(found, ["1", "2"]);
    let whole = gzip(b"a\n1\n2\n3\n");
    let cut = folder.file("cut.csv.gz", &whole[..whole.len() - 6]);
    assert!(refused(&folder, &[cut], "").starts_with("cannot read "));
    let plain = folder.file("plain.csv.zst", b"a\n1\n");
    assert!(refused(&folder, &[plain], "").starts_with("cannot "));
}

#[test]
fn a_name_that_hides_what_the_content_is_is_told() {
    let (csv, _, batch) = table();
    let folder = DataFolder::new();
    let zipped = folder.file("a.csv", &gzip(csv.as_bytes()));
    assert_eq!(
        refused(&folder, &[zipped], ""),
        "a.csv, line 1, column 1: the content is compressed with gzip; let its name end in .gz"
    );
    let zipped = folder.file("a.jsonl", &gzip(csv.as_bytes()));
    assert_eq!(
        refused(&folder, &[zipped], ""),
        "a.jsonl: the content is compressed with gzip; let its name end in .gz"
    );
    let mut hidden = parquet(&folder, "a.bin", &batch);
    assert!(refused(&folder, &[hidden.clone()], "").contains("the content is Parquet"));
    hidden.name = "a.parquet.gz".to_owned();
    assert!(refused(&folder, &[hidden], "").contains("decompress it"));
    let not_arrow = folder.file("a.arrow", csv.as_bytes());
    assert!(refused(&folder, &[not_arrow], "").starts_with("a.arrow: not a readable Arrow file"));
    let not_parquet = folder.file("b.parquet", csv.as_bytes());
    assert!(
        refused(&folder, &[not_parquet], "").contains("b.parquet: not a readable Parquet file")
    );
    let json = folder.file("a.json", b"{}");
    assert_eq!(
        refused(&folder, &[json], ""),
        "a.json: ingest reads CSV, JSON Lines, Parquet and Arrow IPC, and `.json` is another format; \
         name a file with one JSON object in each line `.jsonl`"
    );
    let mixed = [
        folder.file("a.csv", b"a\n1\n"),
        folder.file("b.jsonl", b"{\"a\": 1}\n"),
    ];
    assert_eq!(
        refused(&folder, &mixed, ""),
        "b.jsonl: it is JSON Lines, and a.csv is CSV; the files of one run are of one kind"
    );
}

#[test]
fn json_lines_keep_their_types() {
    let folder = DataFolder::new();
    let lines = "\u{feff}\
        {\"i\": 1, \"f\": 1, \"b\": true, \"s\": \"01\", \"t\": \"2026-03-01T12:00:00Z\", \"l\": [1, 2.5], \"m\": 1}\r\n\
        \n\
        {\"f\": 2.5, \"i\": null, \"s\": \"\", \"l\": [], \"late\": \"x\", \"m\": \"a\"}\n\
        {\"i\": 9223372036854775808, \"none\": null}";
    let (columns, found) = read(&folder, &[folder.file("a.jsonl", lines.as_bytes())]);
    assert_eq!(
        columns,
        "i: Float64, f: Float64, b: Boolean, s: Utf8, t: Timestamp(µs, \"+00:00\"), l: List(Float64), \
         m: Utf8, late: Utf8, none: Int64"
    );
    assert_eq!(
        found,
        [
            "1.0|1.0|true|01|2026-03-01T12:00:00Z|[1.0, 2.5]|1|-|-",
            "-|2.5|-|-|-|[]|a|x|-",
            "9.223372036854776e18|-|-|-|-|-|-|-|-",
        ]
    );
}

#[test]
fn a_malformed_line_of_json_is_named_by_file_and_line() {
    let ints = "feature:\n- name: a\n  type: INT\n";
    let cases: [(&[u8], &str, &str); 10] = [
        (
            b"{\"a\": 1}\n{\"a\": }\n",
            "",
            "0.jsonl, line 2, column 7: not JSON: expected value",
        ),
        (
            b"\n{\"a\": NaN}\n",
            "",
            "0.jsonl, line 2, column 7: not JSON: expected value",
        ),
        (
            b"[1]\n",
            "",
            "0.jsonl, line 1: invalid type: sequence, expected one JSON object in each line",
        ),
        (
            b"{\"a\": 1, \"a\": 2}\n",
            "",
            "0.jsonl, line 1: the key `a` stands in it twice",
        ),
        (
            b"{\"a\": {\"b\": 1}}\n",
            "",
            "0.jsonl, line 1, column `a`: the value is an object; give each of its keys a column of its own",
        ),
        (
            b"{\"a\": [[1]]}\n",
            "",
            "0.jsonl, line 1, column `a`: the list holds lists or objects; a column holds values or lists \
             of values",
        ),
        (
            b"{\"a\": [1]}\n{\"a\": 1}\n",
            "",
            "0.jsonl, line 2, column `a`: it is a single value here and a list in 0.jsonl, line 1; a \
             column holds one or the other",
        ),
        (
            b"{\"a\": \"\xff\"}\n",
            "",
            "0.jsonl, line 1, column 8: the line is not valid UTF-8; save the file as UTF-8",
        ),
        (
            b"{\"a\": 1}\n{\"a\": 2.5}\n",
            ints,
            "0.jsonl, line 2, column `a`: 2.5 is not an integer of 64 bits, which the schema says the \
             column holds; if it means a missing value, name it in `null_values`",
        ),
        (
            b"{}\n",
            "",
            "0.jsonl: there is no line with a key, so there are no columns",
        ),
    ];
    for (text, schema, expected) in cases {
        let folder = DataFolder::new();
        let file = folder.file("0.jsonl", text);
        assert_eq!(refused(&folder, &[file], schema), expected);
    }
}

#[test]
fn malformed_lines_of_json_may_be_left_out() {
    let folder = DataFolder::new();
    let lines = "{\"a\": 1}\n{\"a\": 2\n{\"a\": {}, \"only\": 1}\n{\"a\": 4}\n";
    let options = IngestOptions {
        bad_rows: BadRows::SkipCount(2),
        ..unsplit()
    };
    let file = folder.file("a.jsonl", lines.as_bytes());
    let done = ingest(&[file], None, &options, &folder.path("examples")).unwrap();
    assert_eq!(done.bad_rows, 2);
    assert!(
        done.first_bad_row
            .unwrap()
            .to_string()
            .starts_with("a.jsonl, line 2")
    );
    let batch = folder.examples().read_all("all").unwrap();
    assert_eq!(
        (columns(&batch).as_str(), rows(&batch)),
        ("a: Int64", vec!["1".into(), "4".into()])
    );
}

#[test]
fn types_of_other_tools_become_those_of_examples() {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    let decimals = Decimal128Array::from(vec![Some(12_345), None]);
    let columns_in: [(&str, ArrayRef); 9] = [
        ("small", Arc::new(Int32Array::from(vec![Some(-5), None]))),
        ("half", Arc::new(Float32Array::from(vec![Some(0.5), None]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        (
            "at",
            Arc::new(TimestampNanosecondArray::from(vec![Some(1_500), None])),
        ),
        (
            "money",
            Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
        ),
        (
            "text",
            Arc::new(LargeStringArray::from(vec![Some("é"), None])),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\xff"), None])),
        ),
        ("list", Arc::new(lists.finish())),
        ("nothing", Arc::new(NullArray::new(2))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns_in
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let folder = DataFolder::new();
    for file in [
        parquet(&folder, "a.parquet", &batch),
        folder.file("a.arrow", &arrow_file(&batch)),
    ] {
        let (columns, found) = read(&folder, &[file]);
        assert_eq!(
            columns,
            "small: Int64, half: Float64, flag: Boolean, at: Timestamp(µs, \"+00:00\"), money: Float64, \
             text: Utf8, bytes: Binary, list: List(Int64), nothing: Int64"
        );
        assert_eq!(
            found,
            [
                "-5|0.5|true|1970-01-01T00:00:00.000001Z|123.45|é|ff|[1, -]|-",
                "-|-|-|-|-|-|-|-|-"
            ]
        );
    }
}

fn one_column(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
}

#[test]
fn files_with_types_are_cast_to_the_schemas_or_refused_by_row() {
    let folder = DataFolder::new();
    let big = one_column("n", Arc::new(UInt64Array::from(vec![1, 1 << 63])));
    let file = parquet(&folder, "big.parquet", &big);
    assert_eq!(
        refused(&folder, &[file], ""),
        "big.parquet, row 2, column `n`: 9223372036854775808 is no Int64"
    );
    let floats = one_column("n", Arc::new(Float64Array::from(vec![1.0, 2.5, 3.0])));
    let file = parquet(&folder, "n.parquet", &floats);
    let ints = schema("feature:\n- name: n\n  type: INT\n");
    assert_eq!(
        refused(
            &folder,
            std::slice::from_ref(&file),
            "feature:\n- name: n\n  type: INT\n"
        ),
        "n.parquet, row 2, column `n`: 2.5 is no Int64"
    );
    let options = IngestOptions {
        bad_rows: BadRows::SkipCount(1),
        ..unsplit()
    };
    let done = ingest(&[file], Some(&ints), &options, &folder.path("examples")).unwrap();
    assert_eq!(done.bad_rows, 1);
    assert_eq!(
        rows(&folder.examples().read_all("all").unwrap()),
        ["1", "3"]
    );
    let field = Arc::new(Field::new("x", DataType::Int64, true));
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let nested = one_column("s", Arc::new(StructArray::from(vec![(field, inner)])));
    let file = parquet(&folder, "nested.parquet", &nested);
    assert!(
        refused(&folder, &[file], "").starts_with("nested.parquet: column `s` is of type Struct"),
    );
}

#[test]
fn files_with_types_agree_in_their_columns() {
    let folder = DataFolder::new();
    let ints = one_column("n", Arc::new(Int64Array::from(vec![1])));
    let floats = one_column("n", Arc::new(Float64Array::from(vec![0.5])));
    let texts = one_column("n", Arc::new(StringArray::from(vec!["a"])));
    let other = one_column("m", Arc::new(Int64Array::from(vec![1])));
    let none = one_column("n", Arc::new(NullArray::new(1)));
    let file = |name: &str, batch: &RecordBatch| folder.file(name, &arrow_file(batch));
    let files = [
        file("0.arrow", &none),
        file("1.arrow", &ints),
        file("2.arrow", &floats),
    ];
    assert_eq!(
        read(&folder, &files),
        (
            "n: Float64".to_owned(),
            vec!["-".into(), "1.0".into(), "0.5".into()]
        )
    );
    assert_eq!(
        refused(
            &folder,
            &[file("0.arrow", &ints), file("1.arrow", &texts)],
            ""
        ),
        "1.arrow: its columns differ from those of 0.arrow: `n` holds Int64 there and Utf8 here"
    );
    assert_eq!(
        refused(
            &folder,
            &[file("0.arrow", &ints), file("1.arrow", &other)],
            ""
        ),
        "1.arrow: its columns differ from those of 0.arrow: column 1 is `n` there and `m` here"
    );
}
