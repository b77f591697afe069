//! Small made-up datasets for the trainers' tests.

use model_training::{Dataset, Iteration, Label};

/// Numbers in [0, 1) that look random: the fractional parts of multiples of an
/// irrational number, shuffled by a second one.
pub(crate) fn noise(row: usize, stream: usize) -> f64 {
    let turn = (row as f64 + 1.0) * (0.618_033_988_749_895 + stream as f64 * 0.754_877_666);
    (turn.fract() * 7_919.0 * (1.0 + turn.fract())).fract()
}

/// Rows with features from a function of the row's number.
pub(crate) fn dataset(
    rows: usize,
    width: usize,
    feature: impl Fn(usize, usize) -> f32,
    label: Label,
) -> Dataset {
    let features = (0..rows).flat_map(|row| (0..width).map(move |at| (row, at)));
    Dataset {
        feature_names: (0..width).map(|at| format!("x{at}")).collect(),
        features: features.map(|(row, at)| feature(row, at)).collect(),
        label,
        weight: None,
    }
}

/// Four features, one with missing values, one of few values; the label depends
/// on three of them and a little noise.
pub(crate) fn mixed(rows: usize, classes: Option<usize>) -> Dataset {
    let feature = |row: usize, at: usize| -> f32 {
        match at {
            0 => noise(row, 0) as f32,
            1 if noise(row, 9) < 0.2 => f32::NAN,
            1 => (100.0 * noise(row, 1)) as f32,
            2 => (4.0 * noise(row, 2)).floor() as f32,
            _ => noise(row, 3) as f32,
        }
    };
    let value = |row: usize| -> f64 {
        let missing = if feature(row, 1).is_nan() { 0.7 } else { 0.0 };
        let step = if feature(row, 0) > 0.4 { 1.0 } else { 0.0 };
        step + missing + 0.3 * f64::from(feature(row, 2)) + 0.1 * noise(row, 4)
    };
    let label = match classes {
        None => Label::Values((0..rows).map(value).collect()),
        Some(count) => Label::Classes {
            indices: (0..rows)
                .map(|row| ((value(row) / 2.7 * count as f64) as u32).min(count as u32 - 1))
                .collect(),
            count,
        },
    };
    dataset(rows, 4, feature, label)
}

/// The same without missing values, for linear models.
pub(crate) fn complete(rows: usize, classes: Option<usize>) -> Dataset {
    let mut dataset = mixed(rows, classes);
    dataset
        .features
        .iter_mut()
        .filter(|value| value.is_nan())
        .for_each(|value| *value = 50.0);
    dataset
}

/// A progress that nobody looks at.
pub(crate) fn quiet(_: &Iteration) {}
