//! CSV files as examples: types, awkward texts, and a sentence with its place for what is wrong.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod data_folder;

use data_folder::{DataFolder, columns, rows, schema, unsplit};
use example_data::ingest::{BadRows, IngestOptions, InputFile, ingest};

fn read(text: &str) -> (String, Vec<String>) {
    read_with(text, &unsplit())
}

fn read_with(text: &str, options: &IngestOptions) -> (String, Vec<String>) {
    let folder = DataFolder::new();
    folder.ingest(text, None, options).unwrap();
    let batch = folder.examples().read_all("all").unwrap();
    (columns(&batch), rows(&batch))
}

/// What is said of a text that cannot be read.
fn refused(text: &[u8], schema_text: &str) -> String {
    let folder = DataFolder::new();
    let schema = (!schema_text.is_empty()).then(|| schema(schema_text));
    let files = folder.files(&[text]);
    let result = ingest(&files, schema.as_ref(), &unsplit(), &folder.path("out"));
    result.unwrap_err().to_string()
}

#[test]
fn a_column_has_the_first_type_that_fits_all_its_cells() {
    let text = "\
i,f,b,t,s,mixed,none
1,1,true,2026-03-01T12:00:00Z,x,1,
-2,2.5,FALSE,2026-03-01T12:00:00+01:00,1,true,
,nan,,,,,
";
    let (columns, rows) = read(text);
    assert_eq!(
        columns,
        "i: Int64, f: Float64, b: Boolean, t: Timestamp(µs, \"+00:00\"), s: Utf8, mixed: Utf8, none: Int64"
    );
    assert_eq!(
        rows,
        [
            "1|1.0|true|2026-03-01T12:00:00Z|x|1|-",
            "-2|2.5|false|2026-03-01T11:00:00Z|1|true|-",
            "-|NaN|-|-|-|-|-",
        ]
    );
}

#[test]
fn types_are_those_of_all_files_together() {
    let folder = DataFolder::new();
    let files = folder.files(&[b"a,b\n1,1\n", b"a,b\n2.5,2\n"]);
    ingest(&files, None, &unsplit(), &folder.path("examples")).unwrap();
    let batch = folder.examples().read_all("all").unwrap();
    assert_eq!(columns(&batch), "a: Float64, b: Int64");
    assert_eq!(rows(&batch), ["1.0|1", "2.5|2"]);
}

#[test]
fn a_schema_gives_types_and_leaves_the_other_columns_to_their_cells() {
    let folder = DataFolder::new();
    let schema = schema(
        "feature:\n- name: zip\n  type: BYTES\n- name: x\n  type: FLOAT\n- name: at\n  type: INT\n  \
         time_domain: { integer_format: UNIX_MICROSECONDS }\n",
    );
    let text = "zip,x,at,other\n01234,1,2026-03-01T00:00:00Z,7\n";
    folder.ingest(text, Some(&schema), &unsplit()).unwrap();
    let batch = folder.examples().read_all("all").unwrap();
    assert_eq!(
        columns(&batch),
        "zip: Utf8, x: Float64, at: Timestamp(µs, \"+00:00\"), other: Int64"
    );
    assert_eq!(rows(&batch), ["01234|1.0|2026-03-01T00:00:00Z|7"]);
}

#[test]
fn quotes_line_ends_and_byte_order_marks_are_no_part_of_cells() {
    let text = "\u{feff}\"na\"\"me\",b\r\n\"a,b\",\"two\nlines\"\r\n\r\n5\" pipe,\"\"\r\nlast,1";
    let (columns, rows) = read(text);
    assert_eq!(columns, "na\"me: Utf8, b: Utf8");
    assert_eq!(rows, ["a,b|two\nlines", "5\" pipe|-", "last|1"]);
}

#[test]
fn null_values_are_the_callers() {
    let options = IngestOptions {
        null_values: vec!["NA".to_owned(), "-999".to_owned()],
        ..unsplit()
    };
    let (columns, rows) = read_with("a,b\n1,NA\n-999,x\n2,\n", &options);
    assert_eq!(columns, "a: Int64, b: Utf8");
    assert_eq!(rows, ["1|-", "-|x", "2|"]);
}

#[test]
fn a_header_that_names_no_columns_is_refused_with_its_place() {
    let cases: [(&[u8], &str); 7] = [
        (
            b"",
            "0.csv: the file is empty; its first line must name the columns",
        ),
        (
            b"a,,c\n",
            "0.csv, line 1, column 2: the header names no column here; name every column",
        ),
        (
            b"\n\na,b,a\n",
            "0.csv, line 3, column 3: the header names `a` twice; names must be unique",
        ),
        (
            b"a,\xff\n",
            "0.csv, line 1, column 2: the column's name is not valid UTF-8; save the file as UTF-8",
        ),
        (
            b"\xff\xfea\0,\0",
            "0.csv, line 1, column 1: the file is UTF-16; save it as UTF-8",
        ),
        (
            b"a,b\rc,d\re,f",
            "0.csv, line 1, column 2: the header holds a carriage return; lines must end in LF or CR LF",
        ),
        (
            b"a,\"b\n",
            "0.csv, line 1, column 2: a quote is opened and never closed; close it, or double a quote \
             that is part of the text",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text, ""), expected);
    }
}

#[test]
fn headers_must_agree() {
    let folder = DataFolder::new();
    for (second, expected) in [
        (
            "a,c\n",
            "1.csv: its header differs from that of 0.csv: column 2 is `b` there and `c` here",
        ),
        (
            "a\n",
            "1.csv: its header differs from that of 0.csv: it has 2 columns there and 1 here",
        ),
    ] {
        let files = folder.files(&[b"a,b\n", second.as_bytes()]);
        let error = ingest(&files, None, &unsplit(), &folder.path("out")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = ingest(&[], None, &unsplit(), &folder.path("out")).unwrap_err();
    assert!(error.to_string().starts_with("there is no file to read"));
    let missing = InputFile {
        path: folder.path("absent.csv"),
        name: "absent.csv".to_owned(),
    };
    let error = ingest(&[missing], None, &unsplit(), &folder.path("out")).unwrap_err();
    assert!(error.to_string().starts_with("cannot open "), "{error}");
    assert!(error.to_string().ends_with("absent.csv"), "{error}");
}

#[test]
fn a_malformed_row_is_named_by_file_line_and_column() {
    let ints = "feature:\n- name: a\n  type: INT\n- name: b\n  type: INT\n";
    let cases: [(&[u8], &str, &str); 7] = [
        (
            b"a,b\n1,2\n3\n",
            "",
            "0.csv, line 3, column 1 (a): the row has 1 cells, the header 2",
        ),
        (
            b"a,b\n\"x\ny\",2\n3,4,5\n",
            "",
            "0.csv, line 4, column 3: the row has 3 cells, the header 2",
        ),
        (
            b"a,b\n1,\"x\"y\n",
            "",
            "0.csv, line 2, column 2 (b): there is text between a closing quote and the next comma; \
             double a quote that is part of the text",
        ),
        (
            b"a,b\n1,2\nx,\"open\n",
            "",
            "0.csv, line 3, column 2 (b): a quote is opened and never closed; close it, or double a \
             quote that is part of the text",
        ),
        (
            b"a,b\n1,2\n1,\xff\n",
            "",
            "0.csv, line 3, column 2 (b): the cell is not valid UTF-8; save the file as UTF-8",
        ),
        (
            b"a,b\n1,2\n\n3,4.5\n",
            ints,
            "0.csv, line 4, column 2 (b): \"4.5\" is not an integer of 64 bits, which the schema says \
             the column holds; if it means a missing value, name it in `null_values`",
        ),
        (
            b"a,b\n1,2\n\"\n\",x\n",
            ints,
            "0.csv, line 3, column 1 (a): \"\\n\" is not an integer of 64 bits, which the schema says \
             the column holds; if it means a missing value, name it in `null_values`",
        ),
    ];
    for (text, schema, expected) in cases {
        assert_eq!(refused(text, schema), expected);
    }
}

#[test]
fn malformed_rows_may_be_left_out_up_to_a_bound() {
    let folder = DataFolder::new();
    let schema = schema("feature:\n- name: a\n  type: INT\n- name: b\n  type: INT\n");
    let text = "a,b\n1,2\nx,y\n3,4\n5\n6,7\n\"8\"9,10\n";
    let ingest = |bad_rows| {
        let options = IngestOptions {
            bad_rows,
            ..unsplit()
        };
        folder.ingest(text, Some(&schema), &options)
    };
    for allowed in [BadRows::SkipCount(3), BadRows::SkipFraction(0.5)] {
        let done = ingest(allowed).unwrap();
        assert_eq!(done.rows, [("all".to_owned(), 3)]);
        assert_eq!(done.bad_rows, 3);
        // One bad row, though both its cells are.
        let first = done.first_bad_row.unwrap().to_string();
        assert!(
            first.starts_with("0.csv, line 3, column 1 (a): \"x\""),
            "{first}"
        );
        assert_eq!(
            rows(&folder.examples().read_all("all").unwrap()),
            ["1|2", "3|4", "6|7"]
        );
    }
    let error = ingest(BadRows::SkipCount(2)).unwrap_err().to_string();
    assert!(
        error.starts_with("0.csv, line 7, column 1 (a): there is text between")
            && error.ends_with("this is malformed row 3, and on_bad_rows allows 2"),
        "{error}"
    );
    let error = ingest(BadRows::SkipFraction(0.49)).unwrap_err().to_string();
    assert!(
        error.starts_with("0.csv, line 3, column 1 (a)")
            && error.ends_with(
                "this is the first of 3 malformed rows among 6, and on_bad_rows allows a fraction of 0.49"
            ),
        "{error}"
    );
}

#[test]
fn rows_that_are_left_out_have_no_say_in_the_types() {
    let folder = DataFolder::new();
    let options = IngestOptions {
        bad_rows: BadRows::SkipCount(1),
        ..unsplit()
    };
    let files = folder.files(&[b"a,b\n1,2\nx,\xff\n3,4\n"]);
    let done = ingest(&files, None, &options, &folder.path("examples")).unwrap();
    assert_eq!(done.bad_rows, 1);
    let batch = folder.examples().read_all("all").unwrap();
    assert_eq!(columns(&batch), "a: Int64, b: Int64");
}
