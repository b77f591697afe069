//! Where rows go: the documented rule, held against hashes that were computed elsewhere.

mod data_folder;

use std::collections::BTreeMap;

use data_folder::{DataFolder, ingest_penguins, penguin_options, penguins, rows, splits};
use example_data::csv::{CsvFile, CsvOptions, ingest};
use example_data::splits::HashSplits;

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
    let file = CsvFile {
        path: penguins(),
        name: "penguins.csv".to_owned(),
    };
    let options = CsvOptions {
        split_key: Some("island".to_owned()),
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
    let options = CsvOptions {
        split_key: Some("isle".to_owned()),
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
        let options = CsvOptions {
            splits: splits(&weights),
            ..CsvOptions::default()
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
