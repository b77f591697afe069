//! Statistics: numbers that were computed elsewhere, parts that give the whole, files that are read
//! back, and the same bytes whatever the number of threads.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![expect(clippy::float_cmp, reason = "exact where no rounding can be")]

mod data_folder;

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use data_folder::{DataFolder, ingest_penguins, schema, splits, unsplit};
use example_data::DataError;
use example_data::examples::{Examples, SplitWriter};
use example_data::schema::Schema;
use example_data::splits::HashSplits;
use example_data::statistics::{
    self, DatasetFeatureStatistics, FeatureNameStatistics, HistogramType, SplitSketch, Type,
    compute_split,
};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option};

fn feature<'a>(of: &'a DatasetFeatureStatistics, name: &str) -> &'a FeatureNameStatistics {
    of.features.iter().find(|found| found.name == name).unwrap()
}

fn close(found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < 1e-12, "{found} is not {expected}");
}

fn penguins(splits: HashSplits, split: &str) -> DatasetFeatureStatistics {
    let folder = DataFolder::new();
    let examples = ingest_penguins(&folder, splits);
    compute_split(&examples, split, None).unwrap().finish(split)
}

/// Statistics of a text's rows.
fn of_text(text: &str, schema: Option<&Schema>) -> DatasetFeatureStatistics {
    let folder = DataFolder::new();
    folder.ingest(text, schema, &unsplit()).unwrap();
    let sketch = compute_split(&folder.examples(), "all", schema).unwrap();
    sketch.finish("all")
}

/// Statistics of a batch.
fn of_batch(batch: &RecordBatch) -> DatasetFeatureStatistics {
    let rows = std::iter::once(Ok::<_, DataError>(batch.clone()));
    statistics::compute(&batch.schema(), rows, None).unwrap()
}

#[test]
fn numbers_of_the_penguins_are_those_of_pythons_statistics_module() {
    // python3: statistics.fmean, pstdev, median of the column without NA; buckets counted by comparison;
    // deciles as the smallest value of which at least that share is not greater.
    let all = penguins(splits(&[("all", 1)]), "all");
    assert_eq!(all.num_examples, 344);
    let bills = feature(&all, "bill_length_mm");
    assert_eq!(bills.feature_type, Type::Float);
    let common = bills.common();
    assert_eq!((common.num_non_missing, common.num_missing), (342, 2));
    assert_eq!((common.min_num_values, common.max_num_values), (1, 1));
    assert_eq!((common.avg_num_values, common.tot_num_values), (1.0, 342));
    let numbers = bills.num_stats.as_ref().unwrap();
    close(numbers.mean, 43.921_929_824_561_4);
    close(numbers.std_dev, 5.451_596_023_161_819_5);
    assert_eq!(
        (numbers.min, numbers.median, numbers.max),
        (32.1, 44.45, 59.6)
    );
    assert_eq!((numbers.num_zeros, numbers.approximate), (0, false));
    let counts = |name: &str, histogram_type| -> Vec<f64> {
        let histogram = feature(&all, name).histogram(histogram_type).unwrap();
        histogram.buckets.iter().map(|b| b.sample_count).collect()
    };
    assert_eq!(
        counts("bill_length_mm", HistogramType::Standard),
        [9.0, 40.0, 57.0, 48.0, 49.0, 55.0, 61.0, 16.0, 5.0, 2.0]
    );
    assert_eq!(
        counts("year", HistogramType::Standard),
        [110.0, 0.0, 0.0, 0.0, 0.0, 114.0, 0.0, 0.0, 0.0, 120.0]
    );
    assert_eq!(counts("year", HistogramType::Quantiles), [34.4; 10]);
    let deciles = bills.histogram(HistogramType::Quantiles).unwrap();
    let mut bounds: Vec<f64> = deciles.buckets.iter().map(|b| b.low_value).collect();
    bounds.push(deciles.buckets[9].high_value);
    assert_eq!(
        bounds,
        [
            32.1, 36.6, 38.3, 40.2, 42.0, 44.4, 46.0, 47.4, 49.4, 50.8, 59.6
        ]
    );
    let mass = feature(&all, "body_mass_g");
    assert_eq!(mass.feature_type, Type::Int);
    let numbers = mass.num_stats.as_ref().unwrap();
    close(numbers.mean, 4_201.754_385_964_912);
    close(numbers.std_dev, 800.781_229_238_452);
    assert_eq!(
        (numbers.min, numbers.median, numbers.max),
        (2700.0, 4050.0, 6300.0)
    );
}

#[test]
fn categories_of_the_penguins_are_counted_and_ranked() {
    let all = penguins(splits(&[("all", 1)]), "all");
    let sex = feature(&all, "sex");
    assert_eq!(sex.feature_type, Type::String);
    assert_eq!(sex.common().num_missing, 11);
    let strings = sex.string_stats.as_ref().unwrap();
    assert_eq!(strings.unique, 2);
    close(strings.avg_length, 4.990_990_990_990_991);
    let top: Vec<(&str, f64)> = strings
        .top_values
        .iter()
        .map(|top| (top.value.as_str(), top.frequency))
        .collect();
    assert_eq!(top, [("male", 168.0), ("female", 165.0)]);
    let species = feature(&all, "species").category_counts();
    assert_eq!(species["Adelie"], 152.0);
    assert_eq!(species["Chinstrap"], 68.0);
    assert_eq!(species["Gentoo"], 124.0);
}

#[test]
fn every_split_has_statistics_of_its_own() {
    let train = penguins(HashSplits::train_and_eval(), "train");
    assert_eq!(train.num_examples, 224);
    let numbers = feature(&train, "bill_depth_mm").num_stats.as_ref().unwrap();
    close(numbers.mean, 17.154_017_857_142_858);
    close(numbers.std_dev, 1.989_005_925_358_115_6);
}

#[test]
fn the_schema_says_which_integers_are_categories() {
    let schema = schema(
        "feature:\n- name: hour\n  type: INT\n  int_domain: { is_categorical: true }\n- name: n\n  type: INT\n",
    );
    let found = of_text("hour,n\n1,1\n23,2\n1,3\n,4\n", Some(&schema));
    let hour = feature(&found, "hour");
    assert_eq!(hour.feature_type, Type::Int);
    assert!(hour.num_stats.is_none());
    assert_eq!(hour.category_counts()["1"], 2.0);
    assert!(feature(&found, "n").num_stats.is_some());
}

#[test]
fn booleans_are_categories_and_moments_are_integers_that_say_so() {
    let found = of_text(
        "b,t\ntrue,2026-03-01T00:00:00Z\nFALSE,2026-03-02T00:00:00Z\ntrue,\n",
        None,
    );
    let flags = feature(&found, "b");
    assert_eq!(flags.feature_type, Type::String);
    assert_eq!(flags.category_counts()["true"], 2.0);
    let moments = feature(&found, "t");
    assert_eq!(moments.feature_type, Type::Int);
    let numbers = moments.num_stats.as_ref().unwrap();
    assert_eq!(numbers.max - numbers.min, 86_400e6);
    assert_eq!(moments.custom_stats[0].name, "domain_info");
    assert!(moments.custom_stats[0].str.contains("UNIX_MICROSECONDS"));
}

#[test]
fn lists_have_numbers_of_values() {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for values in [Some(vec![1, 2, 3]), None, Some(vec![]), Some(vec![4])] {
        match values {
            None => lists.append_null(),
            Some(values) => lists.append_value(values.into_iter().map(Some)),
        }
    }
    let column: ArrayRef = Arc::new(lists.finish());
    let batch = RecordBatch::try_from_iter_with_nullable([("xs", column, true)]).unwrap();
    let found = of_batch(&batch);
    let common = found.features[0].common();
    assert_eq!((common.num_non_missing, common.num_missing), (3, 1));
    assert_eq!((common.min_num_values, common.max_num_values), (0, 3));
    assert_eq!(common.tot_num_values, 4);
    close(common.avg_num_values, 4.0 / 3.0);
    assert_eq!(found.features[0].num_stats.as_ref().unwrap().mean, 2.5);
}

#[test]
fn large_numbers_and_many_categories_stay_within_their_bounds() {
    // 0, 1, 2 ... in a scattered order: every quantile is known.
    let count = 300_000_u64;
    let scattered = (0..count).map(|i| i * 7_919 % count);
    let numbers: ArrayRef = Arc::new(scattered.clone().map(|i| i as i64).collect::<Int64Array>());
    let names: ArrayRef = Arc::new(
        scattered
            .map(|i| Some(format!("user-{i}")))
            .collect::<StringArray>(),
    );
    let batch = RecordBatch::try_from_iter([("n", numbers), ("name", names)]).unwrap();
    let mut sketch = SplitSketch::new(&batch.schema(), None).unwrap();
    for start in (0..batch.num_rows()).step_by(10_000) {
        let part = sketch.of(&batch.slice(start, 10_000)).unwrap();
        sketch.merge(&part).unwrap();
    }
    let found = sketch.finish("all");
    let numbers = feature(&found, "n").num_stats.as_ref().unwrap();
    assert!(numbers.approximate);
    close(numbers.mean, (count - 1) as f64 / 2.0);
    close(numbers.std_dev, ((count * count - 1) as f64 / 12.0).sqrt());
    assert_eq!((numbers.min, numbers.max), (0.0, (count - 1) as f64));
    let rank_error = |value: f64, share: f64| (value / count as f64 - share).abs();
    assert!(rank_error(numbers.median, 0.5) < 0.01);
    let deciles = feature(&found, "n").histogram(HistogramType::Quantiles);
    for (index, bucket) in deciles.unwrap().buckets.iter().enumerate() {
        assert!(rank_error(bucket.low_value, index as f64 / 10.0) < 0.01);
    }
    let strings = feature(&found, "name").string_stats.as_ref().unwrap();
    assert!(strings.approximate);
    assert!((strings.unique as f64 / count as f64 - 1.0).abs() < 0.02);
}

#[test]
fn a_file_gives_back_what_was_written() {
    let folder = DataFolder::new();
    let text = "x,y,s\n1.5,,a\nnan,inf,\n-inf,2,\"b\"\"\n\"\n";
    folder.ingest(text, None, &unsplit()).unwrap();
    let examples = folder.examples();
    let sketch = compute_split(&examples, "all", None).unwrap();
    let artifact = folder.path("statistics");
    statistics::write(&artifact, "all", &sketch).unwrap();
    let read = statistics::read(&artifact, "all").unwrap();
    let again = statistics::read_sketch(&artifact, "all").unwrap();
    let text = |found: &DatasetFeatureStatistics| serde_json::to_string(found).unwrap();
    assert_eq!(text(&read), text(&sketch.finish("all")));
    assert_eq!(text(&again.finish("all")), text(&read));
    let numbers = feature(&read, "x").num_stats.as_ref().unwrap();
    assert_eq!(numbers.min, f64::NEG_INFINITY);
    assert_eq!(numbers.histograms[0].num_nan, 1);
    let path = artifact.join("Split-all/sketch.bin");
    std::fs::write(&path, b"something else").unwrap();
    let error = statistics::read_sketch(&artifact, "all").unwrap_err();
    assert!(error.to_string().contains("not a sketch of a format"));
}

#[test]
fn files_do_not_depend_on_the_number_of_threads() {
    let lines: Vec<String> = (0..200_000)
        .map(|i| format!("{},{},w{}", f64::from(i) / 7.0, i * 31 % 1009, i % 211))
        .collect();
    let text = format!("x,n,word\n{}\n", lines.join("\n"));
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let folder = DataFolder::new();
            let options = example_data::ingest::IngestOptions::default();
            folder.ingest(&text, None, &options).unwrap();
            let examples = folder.examples();
            let artifact = folder.path("statistics");
            let mut files = Vec::new();
            for split in examples.splits() {
                let sketch = compute_split(&examples, split, None).unwrap();
                statistics::write(&artifact, split, &sketch).unwrap();
                let rows = format!("examples/Split-{split}/data-00000-of-00001.parquet");
                for name in [
                    rows,
                    format!("statistics/Split-{split}/statistics.json"),
                    format!("statistics/Split-{split}/sketch.bin"),
                ] {
                    files.push(blake3::hash(&std::fs::read(folder.path(&name)).unwrap()));
                }
            }
            (files, statistics::digest(&artifact).unwrap())
        })
    };
    let one = bytes(1);
    assert_eq!(one.0.len(), 6);
    assert_eq!(one, bytes(2));
    assert_eq!(one, bytes(7));
}

/// Rows with a number, an integer and a text, any of them missing.
type Row = (Option<f64>, Option<i64>, Option<String>);

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let number = option::of(prop_oneof![
        -1e6..1e6_f64,
        Just(0.0),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ]);
    let text = option::of(prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        any::<String>()
    ]);
    collection::vec((number, option::of(-50..50_i64), text), 0..60)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: [(&str, ArrayRef, bool); 3] = [
        (
            "x",
            Arc::new(rows.iter().map(|row| row.0).collect::<Float64Array>()),
            true,
        ),
        (
            "n",
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            true,
        ),
        (
            "s",
            Arc::new(
                rows.iter()
                    .map(|row| row.2.clone())
                    .collect::<StringArray>(),
            ),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Moments differ in their last bits between one sum and sums of parts; everything else is equal.
fn same(whole: &DatasetFeatureStatistics, merged: &DatasetFeatureStatistics) {
    let mut merged = merged.clone();
    for (whole, merged) in whole.features.iter().zip(&mut merged.features) {
        let (Some(whole), Some(merged)) = (&whole.num_stats, &mut merged.num_stats) else {
            continue;
        };
        for (a, b) in [
            (whole.mean, &mut merged.mean),
            (whole.std_dev, &mut merged.std_dev),
        ] {
            if !(a.is_nan() && b.is_nan()) {
                assert!(
                    (a - *b).abs() <= 1e-9 * a.abs().max(1.0) || a == *b,
                    "{a} {b}"
                );
            }
            *b = a;
        }
    }
    // As text, because NaN is not equal to itself.
    let text = |found: &DatasetFeatureStatistics| serde_json::to_string_pretty(found).unwrap();
    assert_eq!(text(&merged), text(whole));
}

proptest! {
    #[test]
    fn parts_merge_to_the_whole(rows in any_rows(), cut in 0.0..1.0_f64) {
        let whole = batch(&rows);
        let cut = (cut * rows.len() as f64) as usize;
        let mut sketch = SplitSketch::new(&whole.schema(), None).unwrap();
        for part in [whole.slice(0, cut), whole.slice(cut, rows.len() - cut)] {
            let part = sketch.of(&part).unwrap();
            sketch.merge(&part).unwrap();
        }
        same(&of_batch(&whole), &sketch.finish(""));
    }

    #[test]
    fn counts_are_those_of_a_loop(rows in any_rows()) {
        let found = of_batch(&batch(&rows));
        assert_eq!(found.num_examples, rows.len() as u64);
        let present = rows.iter().filter(|row| row.1.is_some()).count() as u64;
        assert_eq!(feature(&found, "n").common().num_non_missing, present);
        let least = rows.iter().filter_map(|row| row.1).min();
        let numbers = feature(&found, "n").num_stats.as_ref().unwrap();
        assert_eq!(least.map_or(0.0, |least| least as f64), numbers.min);
        let zeros = rows.iter().filter(|row| row.1 == Some(0)).count() as u64;
        assert_eq!(numbers.num_zeros, zeros);
        for (value, count) in feature(&found, "s").category_counts() {
            let times = rows.iter().filter(|row| row.2.as_deref() == Some(value)).count();
            assert_eq!(count, times as f64);
        }
    }
}

#[test]
fn statistics_of_a_split_are_those_of_its_row_groups_together() {
    let rows: Vec<Row> = (0..150_000)
        .map(|i| (Some(f64::from(i)), Some(i64::from(i % 13)), None))
        .collect();
    let whole = batch(&rows);
    let folder = DataFolder::new();
    let path = folder.path("examples");
    let mut writer = SplitWriter::create(&path, "all", whole.schema()).unwrap();
    writer.write(&whole).unwrap();
    assert_eq!(writer.finish().unwrap(), 150_000);
    let examples = Examples::open(&path).unwrap();
    assert_eq!(examples.row_groups("all").unwrap().len(), 3);
    let found = compute_split(&examples, "all", None).unwrap().finish("");
    assert_eq!(found.num_examples, 150_000);
    let numbers = feature(&found, "x").num_stats.as_ref().unwrap();
    close(numbers.mean, 74_999.5);
    let error = compute_split(&examples, "eval", None).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has no split `eval`; its splits are all"),
        "{error}"
    );
}
