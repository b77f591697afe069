//! Metrics against those of scikit-learn 1.9.1, computed with the functions that each metric names.

use model_scoring::metrics::{ClassOutcomes, Metric, NumberOutcomes, Outcomes, intervals};
use model_scoring::signature::Task;

/// Probabilities are f32 and their logarithms amplify the last bit.
const TOLERANCE: f64 = 1e-6;

fn check(outcomes: &Outcomes, expected: &[(Metric, f64)]) {
    for (metric, wanted) in expected {
        let found = outcomes.metric(*metric);
        assert!(
            (found - wanted).abs() < TOLERANCE,
            "{}: {found}, expected {wanted}",
            metric.name()
        );
    }
}

const LABELS: [u32; 10] = [0, 1, 1, 0, 1, 0, 1, 1, 0, 0];
const POSITIVE: [f32; 10] = [0.1, 0.8, 0.65, 0.4, 0.4, 0.2, 0.9, 0.35, 0.6, 0.05];
const WEIGHTS: [f64; 10] = [1.0, 2.0, 1.0, 1.0, 0.5, 1.0, 3.0, 1.0, 1.0, 2.0];

fn binary(weights: Option<Vec<f64>>) -> Outcomes {
    let probabilities = POSITIVE.iter().flat_map(|p| [1.0 - p, *p]).collect();
    Outcomes::Classes(ClassOutcomes::new(
        2,
        LABELS.to_vec(),
        probabilities,
        weights,
    ))
}

#[test]
fn two_classes_with_ties_are_measured_as_scikit_learn_does() {
    check(
        &binary(None),
        &[
            (Metric::Auc, 0.86),
            (Metric::PrAuc, 0.876_190_476_190_476_2),
            (Metric::LogLoss, 0.453_231_365_084_172_4),
            (Metric::Accuracy, 0.7),
            (Metric::Precision, 0.75),
            (Metric::Recall, 0.6),
            (Metric::F1, 0.666_666_666_666_666_6),
        ],
    );
    check(
        &binary(Some(WEIGHTS.to_vec())),
        &[
            (Metric::Auc, 0.938_888_888_888_888_9),
            (Metric::PrAuc, 0.956_243_550_051_599_6),
            (Metric::LogLoss, 0.337_727_868_148_276_5),
            (Metric::Accuracy, 0.814_814_814_814_814_8),
            (Metric::Precision, 0.857_142_857_142_857_1),
            (Metric::Recall, 0.8),
            (Metric::F1, 0.827_586_206_896_551_7),
        ],
    );
}

fn three_classes(weights: Option<Vec<f64>>) -> Outcomes {
    let probabilities = vec![
        0.7, 0.2, 0.1, 0.1, 0.6, 0.3, 0.2, 0.3, 0.5, 0.5, 0.25, 0.25, 0.3, 0.3, 0.4, 0.6, 0.3, 0.1,
        0.125, 0.125, 0.75, 0.2, 0.7, 0.1,
    ];
    let labels = vec![0, 1, 2, 2, 1, 0, 2, 1];
    Outcomes::Classes(ClassOutcomes::new(3, labels, probabilities, weights))
}

#[test]
fn several_classes_are_measured_as_scikit_learn_does() {
    check(
        &three_classes(None),
        &[
            (Metric::Auc, 0.933_333_333_333_333_2),
            (Metric::LogLoss, 0.663_262_196_628_204_4),
            (Metric::Accuracy, 0.75),
            (Metric::PrecisionMacro, 0.777_777_777_777_777_7),
            (Metric::RecallMacro, 0.777_777_777_777_777_7),
            (Metric::F1Macro, 0.755_555_555_555_555_5),
        ],
    );
    let weights = (1..=8).map(f64::from).collect();
    check(
        &three_classes(Some(weights)),
        &[
            (Metric::Auc, 0.945_887_445_887_446),
            (Metric::LogLoss, 0.637_637_140_608_518_2),
            (Metric::Accuracy, 0.75),
            (Metric::PrecisionMacro, 0.767_676_767_676_767_6),
            (Metric::RecallMacro, 0.793_650_793_650_793_6),
            (Metric::F1Macro, 0.755_810_983_397_190_3),
        ],
    );
}

#[test]
fn numbers_are_measured_as_scikit_learn_does() {
    let labels = vec![3.0, -0.5, 2.0, 7.0, 0.0];
    let predictions = vec![2.5, 0.0, 2.0, 8.0, 0.25];
    let weights = vec![1.0, 2.0, 1.0, 0.5, 1.0];
    let outcomes = |weights| {
        Outcomes::Numbers(NumberOutcomes::new(
            labels.clone(),
            predictions.clone(),
            weights,
        ))
    };
    check(
        &outcomes(None),
        &[
            (Metric::Mae, 0.45),
            (Metric::Rmse, 0.559_016_994_374_947_5),
            (Metric::R2, 0.956_354_748_603_352),
        ],
    );
    check(
        &outcomes(Some(weights)),
        &[
            (Metric::Mae, 0.409_090_909_090_909_1),
            (Metric::Rmse, 0.488_504_210_459_197_2),
            (Metric::R2, 0.952_741_407_528_641_6),
        ],
    );
    // A label of 0 would make the share infinite in all but name: it is left out here.
    let without_zero = outcomes(None).select(&[0, 1, 2, 3]);
    check(&without_zero, &[(Metric::Mape, 0.327_380_952_380_952_4)]);
}

#[test]
fn what_has_no_meaning_is_no_number() {
    let one_class = binary(None).select(&[0, 3, 5]);
    assert!(one_class.metric(Metric::Auc).is_nan());
    assert!(one_class.metric(Metric::Rmse).is_nan());
    let nothing = binary(None).select(&[]);
    for metric in Metric::of_task(Task::Binary) {
        assert!(nothing.metric(metric).is_nan(), "{}", metric.name());
    }
    assert_eq!(intervals(&nothing, &[Metric::Accuracy]), [None]);
}

#[test]
fn intervals_hold_the_value_and_are_the_same_every_time() {
    // 900 of 1,000 decisions are right: the binomial 95 % interval is 0.9 +- 0.0186.
    let labels = vec![1; 1_000];
    let probabilities = (0..1_000)
        .flat_map(|row| {
            if row % 10 == 0 {
                [0.8, 0.2]
            } else {
                [0.2, 0.8]
            }
        })
        .collect();
    let outcomes = Outcomes::Classes(ClassOutcomes::new(2, labels, probabilities, None));
    let found = intervals(&outcomes, &[Metric::Accuracy, Metric::Auc]);
    let accuracy = found[0].unwrap();
    assert!((accuracy.low - 0.8814).abs() < 0.006, "{accuracy:?}");
    assert!((accuracy.high - 0.9186).abs() < 0.006, "{accuracy:?}");
    // Of a single class no resample has an AUC.
    assert_eq!(found[1], None);
    assert_eq!(
        found,
        intervals(&outcomes, &[Metric::Accuracy, Metric::Auc])
    );
}

#[test]
fn names_lead_back_to_their_metric() {
    for metric in Metric::ALL {
        assert_eq!(Metric::from_name(metric.name()), Some(metric));
    }
    assert_eq!(Metric::from_name("AUC"), None);
}
