//! What linear and logistic regression promise.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod datasets;

use std::collections::BTreeMap;

use datasets::{complete, dataset, mixed, noise, quiet};
use model_scoring::predictor::{Linear, Predictor};
use model_training::history::End;
use model_training::weighting::ClassWeight;
use model_training::{Dataset, Fit, Label, TrainingError, linear, logistic};

fn linear_of(fit: Fit) -> Linear {
    match fit.predictor {
        Predictor::Linear(linear) => linear,
        Predictor::Trees(_) => panic!("a linear model was asked for"),
    }
}

fn ridge(training: &Dataset, l2: f64) -> Linear {
    let options = linear::Options {
        l2,
        ..linear::Options::default()
    };
    linear_of(linear::fit(training, &options, None, &mut quiet).unwrap())
}

fn classifier(training: &Dataset, l2: f64) -> Linear {
    let options = logistic::Options {
        l2,
        ..logistic::Options::default()
    };
    linear_of(logistic::fit(training, &options, &mut quiet).unwrap())
}

/// Eight rows of two features, beside which scikit-learn's coefficients stand.
fn eight_rows(label: Label, weighted: bool) -> Dataset {
    let second = [200.0, 180.0, 260.0, 210.0, 300.0, 240.0, 330.0, 250.0];
    let feature = |row: usize, at: usize| {
        if at == 0 {
            row as f32 + 1.0
        } else {
            second[row]
        }
    };
    let mut eight = dataset(8, 2, feature, label);
    eight.weight = weighted.then(|| vec![1.0, 2.0, 1.0, 1.0, 3.0, 1.0, 1.0, 2.0]);
    eight
}

fn assert_near(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let tolerance = 2e-6 * (1.0 + expected.abs());
        assert!(
            (f64::from(*found) - expected).abs() < tolerance,
            "{found} is not {expected}"
        );
    }
}

// The expected values of the next three tests are scikit-learn 1.9's on features
// that its StandardScaler (with weights) scaled, folded back to raw features.

#[test]
fn ridge_is_scikit_learns() {
    let label = || Label::Values(vec![1.0, 2.5, 2.0, 4.5, 3.5, 6.0, 5.0, 8.5]);
    let plain = ridge(&eight_rows(label(), false), 0.5);
    assert_near(&plain.coefficients, &[1.092_274_82, -0.019_013_74]);
    assert_near(&plain.intercepts, &[3.891_897_06]);
    let weighted = ridge(&eight_rows(label(), true), 2.0);
    assert_near(&weighted.coefficients, &[0.950_676_13, -0.013_654_11]);
    assert_near(&weighted.intercepts, &[3.227_038_0]);
}

#[test]
fn logistic_regression_of_two_classes_is_scikit_learns() {
    let label = || Label::Classes {
        indices: vec![0, 0, 1, 0, 1, 1, 0, 1],
        count: 2,
    };
    let plain = classifier(&eight_rows(label(), false), 1.0);
    assert_near(&plain.coefficients, &[0.215_089_31, 0.005_674_8]);
    assert_near(&plain.intercepts, &[-2.367_945_22]);
    let weighted = classifier(&eight_rows(label(), true), 0.25);
    assert_near(&weighted.coefficients, &[0.368_543_03, 0.014_677_15]);
    assert_near(&weighted.intercepts, &[-4.974_423_42]);
}

#[test]
fn logistic_regression_of_three_classes_is_scikit_learns() {
    let label = || Label::Classes {
        indices: vec![0, 0, 1, 0, 1, 2, 2, 2],
        count: 3,
    };
    let plain = classifier(&eight_rows(label(), false), 1.0);
    let rows = [
        -0.248_557_89,
        -0.018_198_87,
        -0.189_594_12,
        0.013_800_13,
        0.438_152_01,
        0.004_398_74,
    ];
    assert_near(&plain.coefficients, &rows);
    assert_near(
        &plain.intercepts,
        &[5.557_053_62, -2.556_815_43, -3.000_238_18],
    );
    let weighted = classifier(&eight_rows(label(), true), 0.25);
    let predictions = Predictor::Linear(weighted).predict(&[1.0, 200.0, 2.0, 180.0, 3.0, 260.0], 3);
    let expected = [
        9.059_451_42e-1,
        9.315_688_32e-2,
        8.979_751_27e-4,
        9.723_881_14e-1,
        2.567_859_2e-2,
        1.933_293_58e-3,
        1.744_927_45e-1,
        7.976_734_41e-1,
        2.783_381_43e-2,
    ];
    assert_near(&predictions, &expected);
}

#[test]
fn exact_relations_are_found_whatever_the_scales() {
    // Years, timestamps, tiny fractions and a constant.
    let feature = |row: usize, at: usize| -> f32 {
        match at {
            0 => 2_007.0 + (row % 4) as f32,
            1 => 1.4e9 + (row * row * 128) as f32,
            2 => 1e-6 * noise(row, 1) as f32,
            _ => 3.0,
        }
    };
    let truth = |row: usize| {
        let x = |at| f64::from(feature(row, at));
        5.0 + 2.0 * (x(0) - 2_007.0) - 1e-8 * (x(1) - 1.4e9) + 1e6 * x(2)
    };
    let training = dataset(
        200,
        4,
        feature,
        Label::Values((0..200).map(truth).collect()),
    );
    let model = Predictor::Linear(ridge(&training, 0.0));
    let predictions = model.predict(&training.features, 200);
    for (row, prediction) in predictions.iter().enumerate() {
        // f32 coefficients: 2,007 and 1.4e9 times their rounding.
        assert!(
            (f64::from(*prediction) - truth(row)).abs() < 2e-3,
            "row {row}: {prediction}"
        );
    }
    let Predictor::Linear(linear) = model else {
        panic!()
    };
    assert_eq!(linear.coefficients[3].to_bits(), 0.0_f32.to_bits());
}

#[test]
fn more_features_than_the_normal_equations_take_are_searched() {
    let (rows, width) = (60, 2_100);
    let feature = |row: usize, at: usize| noise(row, at) as f32;
    let label = Label::Values((0..rows).map(|row| noise(row, 5)).collect());
    let wide = dataset(rows, width, feature, label);
    let options = linear::Options {
        l2: 10.0,
        ..linear::Options::default()
    };
    let fit = linear::fit(&wide, &options, None, &mut quiet).unwrap();
    assert_eq!(fit.history.end, End::Converged);
    assert!(fit.history.iterations[0].train_loss < 0.01);
    // The same rows with the features that count for nothing left out.
    let mut narrow = wide.clone();
    for row in 0..rows {
        narrow.features[row * width + 2_000..(row + 1) * width].fill(0.0);
    }
    let searched = ridge(&narrow, 10.0);
    let feature = |row: usize, at: usize| noise(row, at) as f32;
    let solved = ridge(&dataset(rows, 2_000, feature, wide.label), 10.0);
    for (searched, solved) in searched.coefficients.iter().zip(&solved.coefficients) {
        assert!((searched - solved).abs() < 1e-5, "{searched} {solved}");
    }
}

#[test]
fn dependent_features_need_a_penalty() {
    let label = Label::Values((0..50).map(|row| noise(row, 7)).collect());
    let twins = dataset(50, 2, |row, _| noise(row, 1) as f32, label);
    let options = linear::Options {
        l2: 0.0,
        ..linear::Options::default()
    };
    let outcome = linear::fit(&twins, &options, None, &mut quiet);
    assert!(matches!(outcome, Err(TrainingError::Singular)));
    let shared = ridge(&twins, 1.0).coefficients;
    assert!((shared[0] - shared[1]).abs() < 1e-6);
}

#[test]
fn a_missing_value_names_the_feature_and_the_remedy() {
    for classes in [None, Some(2)] {
        let training = mixed(100, classes);
        let error = match classes {
            None => linear::fit(&training, &linear::Options::default(), None, &mut quiet),
            Some(_) => logistic::fit(&training, &logistic::Options::default(), &mut quiet),
        };
        let message = error.unwrap_err().to_string();
        assert!(
            message.starts_with("the feature `x1` has missing values"),
            "{message}"
        );
        assert!(message.contains("impute: mean"), "{message}");
    }
}

#[test]
fn the_wrong_kind_of_label_names_the_right_algorithm() {
    let numbers = complete(20, None);
    let error = logistic::fit(&numbers, &logistic::Options::default(), &mut quiet).unwrap_err();
    let expected = "logistic models cannot learn numbers; use `algorithm: linear`";
    assert_eq!(error.to_string(), expected);
    let classes = complete(20, Some(2));
    let error = linear::fit(&classes, &linear::Options::default(), None, &mut quiet).unwrap_err();
    let expected = "linear models cannot learn classes; use `algorithm: logistic`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn class_weights_act_like_row_weights() {
    let plain = complete(400, Some(3));
    let class_weight = ClassWeight::Given(BTreeMap::from([(1, 3.0)]));
    let options = logistic::Options {
        class_weight,
        ..logistic::Options::default()
    };
    let by_class = logistic::fit(&plain, &options, &mut quiet)
        .unwrap()
        .predictor;
    let mut weighted = plain.clone();
    let Label::Classes { indices, .. } = &plain.label else {
        panic!()
    };
    let weight = |class: &u32| if *class == 1 { 3.0 } else { 1.0 };
    weighted.weight = Some(indices.iter().map(weight).collect());
    assert_eq!(by_class, Predictor::Linear(classifier(&weighted, 1.0)));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (numbers, classes) = (complete(20_000, None), complete(20_000, Some(3)));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| (ridge(&numbers, 1.0), classifier(&classes, 1.0)))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn every_iteration_is_reported_and_lowers_the_loss() {
    let training = complete(500, Some(2));
    let mut losses = Vec::new();
    let mut report = |iteration: &model_training::Iteration| losses.push(iteration.train_loss);
    let fit = logistic::fit(&training, &logistic::Options::default(), &mut report).unwrap();
    assert_eq!(fit.history.end, End::Converged);
    assert_eq!(losses.len(), fit.history.kept);
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9));
}
