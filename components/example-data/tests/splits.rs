//! Where rows go: the documented rule, held against hashes that were computed elsewhere.

mod data_folder;

use std::collections::BTreeMap;

use data_folder::{DataFolder, ingest_penguins, penguin_options, penguins, rows, splits};
use example_data::ingest::{BadRows, IngestOptions, InputFile, ingest};
use example_data::splits::{FileSplits, HashSplits, Splits, TimeBound, TimeRange, TimeSplits};
use proptest::{collection, proptest};

#[test]
fn penguins_fall_as_the_rule_computed_in_python_says() {
    // python3: over csv.DictReader's rows,
    // sha256(b"".join(name + b"\x1f" + cell + b"\x1e")).digest()[:8] as a big-endian integer, % 3 < 2
    let folder = DataFolder::new();
    let examples = ingest_penguins(&folder, HashSplits::train_and_eval());
    assert_eq!(examples.row_count("train").unwrap(), 224);
    assert_eq!(examples.row_count("eval").unwrap(), 120);
    // Of the file's first twenty rows these go to training, in their order.
    let train = rows(&examples.read_all("train").unwrap());
    let masses: Vec<&str> = train
        .iter()
        .take(11)
        .map(|row| row.split('|').nth(5).unwrap())
        .collect();
    let expected = [0, 1, 2, 7, 8, 9, 10, 13, 14, 15, 19];
    let text = std::fs::read_to_string(penguins()).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let expected: Vec<&str> = expected
        .iter()
        .map(|row| lines[*row].split(',').nth(5).unwrap())
        .collect();
    assert_eq!(masses, expected);
}

#[test]
fn a_key_alone_decides_where_rows_with_it_go() {
    // python3: sha256(b"island\x1fBiscoe\x1e") % 3 == 2, Dream: 0, Torgersen: 2
    let folder = DataFolder::new();
    let file = InputFile {
        path: penguins(),
        name: "penguins.csv".to_owned(),
    };
    let options = IngestOptions {
        splits: Splits::Hash {
            buckets: HashSplits::train_and_eval(),
            key: Some("island".to_owned()),
        },
        ..penguin_options(HashSplits::train_and_eval())
    };
    let files = [file];
    ingest(&files, None, &options, &folder.path("examples")).unwrap();
    let examples = folder.examples();
    let islands = |split: &str| {
        let mut islands: Vec<String> = rows(&examples.read_all(split).unwrap())
            .iter()
            .map(|row| row.split('|').nth(1).unwrap().to_owned())
            .collect();
        islands.sort();
        islands.dedup();
        islands
    };
    assert_eq!(islands("train"), ["Dream"]);
    assert_eq!(islands("eval"), ["Biscoe", "Torgersen"]);
    let options = IngestOptions {
        splits: Splits::Hash {
            buckets: HashSplits::train_and_eval(),
            key: Some("isle".to_owned()),
        },
        ..options
    };
    let error = ingest(&files, None, &options, &folder.path("out")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "split_key: there is no column `isle`; the columns are species, island, bill_length_mm, \
         bill_depth_mm, flipper_length_mm, body_mass_g, sex, year"
    );
}

#[test]
fn rows_that_are_added_or_moved_move_no_other_row() {
    let weights = [("train", 8), ("eval", 1), ("test", 1)];
    let place = |order: &mut dyn Iterator<Item = u32>| -> BTreeMap<String, String> {
        let folder = DataFolder::new();
        let lines: Vec<String> = order.map(|i| format!("{i},{}", i * i % 17)).collect();
        let text = format!("id,x\n{}\n", lines.join("\n"));
        let options = IngestOptions {
            splits: splits(&weights).into(),
            ..IngestOptions::default()
        };
        folder.ingest(&text, None, &options).unwrap();
        let examples = folder.examples();
        let mut places = BTreeMap::new();
        for (split, _) in weights {
            for row in rows(&examples.read_all(split).unwrap()) {
                places.insert(row, split.to_owned());
            }
        }
        places
    };
    let few = place(&mut (0..1000));
    let more = place(&mut (0..1500).rev());
    assert_eq!(few.len(), 1000);
    assert_eq!(more.len(), 1500);
    assert!(few.iter().all(|(row, split)| more[row] == *split));
    let share = |split: &str| more.values().filter(|found| *found == split).count();
    assert!((1150..1250).contains(&share("train")), "{}", share("train"));
    assert!((100..200).contains(&share("test")), "{}", share("test"));
}

#[test]
fn files_and_times_decide_where_they_are_asked_to() {
    let folder = DataFolder::new();
    let files = [
        folder.file(
            "train-1.csv",
            b"at,x\n2026-01-01T00:00:00Z,1\n2026-02-01T00:00:00Z,2\n",
        ),
        folder.file("late.csv", b"at,x\n2026-03-01T00:00:00Z,3\n,4\n"),
    ];
    let patterns = |train: &str, eval: &str| {
        let one = |name: &str, pattern: &str| (name.to_owned(), vec![pattern.to_owned()]);
        let splits = FileSplits::new(vec![one("train", train), one("eval", eval)]).unwrap();
        IngestOptions {
            splits: Splits::Files(splits),
            ..IngestOptions::default()
        }
    };
    let done = ingest(
        &files,
        None,
        &patterns("train-*.csv", "late*"),
        &folder.path("examples"),
    )
    .unwrap();
    assert_eq!(done.rows, [("train".to_owned(), 2), ("eval".to_owned(), 2)]);
    let error = ingest(
        &files,
        None,
        &patterns("train-*.csv", "x"),
        &folder.path("out"),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("splits: late.csv matches no split's pattern")
    );

    let times = |column: &str, bad_rows: BadRows| {
        let range = |name: &str, from: Option<&str>, before: Option<&str>| TimeRange {
            name: name.to_owned(),
            from: from.and_then(TimeBound::parse),
            before: before.and_then(TimeBound::parse),
        };
        let ranges = vec![
            range("train", None, Some("2026-01-15")),
            range("eval", Some("2026-02-15"), None),
        ];
        IngestOptions {
            splits: Splits::Time(TimeSplits::new(column.to_owned(), ranges).unwrap()),
            bad_rows,
            ..IngestOptions::default()
        }
    };
    let by_time = |options| ingest(&files, None, &options, &folder.path("by-time"));
    let error = by_time(times("at", BadRows::Fail)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "late.csv, line 3, column `at`: the row has no time, so that it belongs to no split"
    );
    let done = by_time(times("at", BadRows::SkipCount(1))).unwrap();
    assert_eq!(done.rows, [("train".to_owned(), 1), ("eval".to_owned(), 1)]);
    assert_eq!((done.bad_rows, done.rows_outside), (1, 1));
    let error = by_time(times("x", BadRows::Fail)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("splits: column `x` is of type int64; give the bounds as numbers")
    );
    let error = by_time(times("when", BadRows::Fail)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "splits: there is no column `when`; the columns are at, x"
    );
}

proptest! {
    /// The rows of any prefix are where they were, whatever is added after them and however the text is cut.
    #[test]
    fn a_rows_split_depends_on_the_row_alone(
        cells in collection::vec(("[a-z]{0,4}", -9..9_i64), 1..40),
        kept in 1..40_usize,
        weights in collection::vec(1..5_u64, 1..4),
    ) {
        let named: Vec<(String, u64)> =
            weights.iter().enumerate().map(|(index, weight)| (format!("s{index}"), *weight)).collect();
        let places = |cells: &[(String, i64)]| {
            let folder = DataFolder::new();
            let lines: Vec<String> =
                cells.iter().enumerate().map(|(id, (word, n))| format!("{id},x{word},{n}")).collect();
            let options = IngestOptions {
                splits: HashSplits::new(named.clone()).unwrap().into(),
                ..IngestOptions::default()
            };
            let text = format!("id,word,n\n{}\n", lines.join("\n"));
            let done = folder.ingest(&text, None, &options).unwrap();
            let mut places = BTreeMap::new();
            for (split, count) in done.rows {
                let found = rows(&folder.examples().read_all(&split).unwrap());
                assert_eq!(found.len() as u64, count);
                places.extend(found.into_iter().map(|row| (row, split.clone())));
            }
            places
        };
        let whole = places(&cells);
        let part = places(&cells[..kept.min(cells.len())]);
        proptest::prop_assert_eq!(whole.len(), cells.len());
        for (row, split) in part {
            proptest::prop_assert_eq!(&whole[&row], &split);
        }
    }
}
