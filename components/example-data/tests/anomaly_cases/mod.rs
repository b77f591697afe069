//! Data that has each kind of anomaly.

/// A schema of the feature `x` with these fields, the data, the previous data, and the finding about x.
pub(crate) type Case = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
);

pub(crate) const OF_PRESENCE: &[Case] = &[
    (
        "type: INT, presence: { min_fraction: 1.0 }",
        "x,y\n1,1\n,1\n",
        None,
        "FEATURE_TYPE_LOW_FRACTION_PRESENT",
    ),
    (
        "type: INT, presence: { min_count: 3 }",
        "x\n1\n2\n",
        None,
        "FEATURE_TYPE_LOW_NUMBER_PRESENT",
    ),
    (
        "type: INT, presence: { min_count: 1 }",
        "x,y\n,1\n",
        None,
        "FEATURE_TYPE_NOT_PRESENT",
    ),
    (
        "type: INT, presence: { min_fraction: 0.5 }",
        "y\n1\n",
        None,
        "SCHEMA_MISSING_COLUMN",
    ),
    (
        "type: INT, value_count: { min: 2 }",
        "x\n1\n",
        None,
        "FEATURE_TYPE_LOW_NUMBER_VALUES",
    ),
    (
        "type: INT, value_count: { min: 1, max: 2 }",
        r#"{"num_examples": 2, "features": [{"name": "x", "type": "INT", "num_stats": {"common_stats":
           {"num_non_missing": 2, "min_num_values": 1, "max_num_values": 3, "tot_num_values": 4}}}]}"#,
        None,
        "FEATURE_TYPE_HIGH_NUMBER_VALUES",
    ),
    (
        "type: INT, value_count: { min: 1 }",
        r#"{"num_examples": 2, "features": [{"name": "x", "type": "INT", "num_stats": {"common_stats":
           {"num_non_missing": 2, "presence_and_valency_stats": [{"min_num_values": 1}, {"min_num_values": 1}]}}}]}"#,
        None,
        "VALUE_NESTEDNESS_MISMATCH",
    ),
    (
        "type: INT, shape: { dim: [{ size: 1 }] }",
        "x,y\n1,1\n,1\n",
        None,
        "INVALID_FEATURE_SHAPE",
    ),
    (
        "type: BYTES, unique_constraints: { max: 1 }",
        "x\na\nb\n",
        None,
        "FEATURE_TYPE_HIGH_UNIQUE",
    ),
    (
        "type: BYTES, unique_constraints: { min: 3 }",
        "x\na\nb\n",
        None,
        "FEATURE_TYPE_LOW_UNIQUE",
    ),
    (
        "type: FLOAT, unique_constraints: { min: 1 }",
        "x\n1.5\n",
        None,
        "FEATURE_TYPE_NO_UNIQUE",
    ),
    ("type: FLOAT", "x\na\n", None, "UNEXPECTED_DATA_TYPE"),
];

pub(crate) const OF_DOMAINS: &[Case] = &[
    (
        "type: INT, bool_domain: {}",
        "x\n0\n2\n",
        None,
        "BOOL_TYPE_BIG_INT",
    ),
    (
        "type: INT, bool_domain: {}",
        "x\n-1\n1\n",
        None,
        "BOOL_TYPE_SMALL_INT",
    ),
    (
        "type: FLOAT, bool_domain: {}",
        "x\n0.0\n0.5\n1.0\n",
        None,
        "BOOL_TYPE_UNEXPECTED_FLOAT",
    ),
    (
        "type: FLOAT, bool_domain: {}",
        "x\n0.0\nnan\n1.0\n",
        None,
        "BOOL_TYPE_UNEXPECTED_FLOAT",
    ),
    (
        "type: BYTES, bool_domain: { true_value: y, false_value: n }",
        "x\ny\nn\nperhaps\n",
        None,
        "BOOL_TYPE_UNEXPECTED_STRING",
    ),
    (
        "type: INT, bool_domain: { true_value: y }",
        "x\n0\n1\n",
        None,
        "BOOL_TYPE_INVALID_CONFIG",
    ),
    (
        "type: BYTES, bool_domain: {}",
        "x\na\n",
        None,
        "BOOL_TYPE_INVALID_CONFIG",
    ),
    (
        "type: BYTES, string_domain: { value: [a] }",
        "x\na\nb\n",
        None,
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
    ),
    (
        "type: BYTES, string_domain: { value: [a] }",
        r#"{"num_examples": 1, "features": [{"name": "x", "type": "STRING", "string_stats":
           {"common_stats": {"num_non_missing": 1, "tot_num_values": 1}, "invalid_utf8_count": 1}}]}"#,
        None,
        "ENUM_TYPE_INVALID_UTF8",
    ),
    (
        "type: INT, int_domain: { max: 5 }",
        "x\n6\n",
        None,
        "INT_TYPE_BIG_INT",
    ),
    (
        "type: INT, int_domain: { min: 5 }",
        "x\n4\n",
        None,
        "INT_TYPE_SMALL_INT",
    ),
    (
        "type: INT, int_domain: { min: 5, is_categorical: true }",
        "x\n4\n",
        None,
        "INT_TYPE_SMALL_INT",
    ),
    (
        "type: BYTES, int_domain: {}",
        "x\n1\nb\n",
        None,
        "INT_TYPE_NOT_INT_STRING",
    ),
    (
        "type: FLOAT, float_domain: { max: 5.5 }",
        "x\n5.6\n",
        None,
        "FLOAT_TYPE_BIG_FLOAT",
    ),
    (
        "type: FLOAT, float_domain: { min: 5.5 }",
        "x\n5.4\n",
        None,
        "FLOAT_TYPE_SMALL_FLOAT",
    ),
    (
        "type: FLOAT, float_domain: { disallow_nan: true }",
        "x\n1.5\nnan\n",
        None,
        "FLOAT_TYPE_HAS_NAN",
    ),
    (
        "type: FLOAT, float_domain: { disallow_inf: true }",
        "x\n1.5\ninf\n",
        None,
        "FLOAT_TYPE_HAS_INF",
    ),
    (
        "type: BYTES, float_domain: {}",
        "x\n1.5\nb\n",
        None,
        "FLOAT_TYPE_STRING_NOT_FLOAT",
    ),
    (
        "type: INT",
        "x\n2026-03-01T00:00:00Z\n",
        None,
        "SEMANTIC_DOMAIN_UPDATE",
    ),
];

pub(crate) const OF_SCHEMAS: &[Case] = &[
    (
        "presence: { min_count: 1 }",
        "x\n1\n",
        None,
        "FEATURE_MISSING_TYPE",
    ),
    (
        "type: INT, float_domain: {}",
        "x\n1\n",
        None,
        "DOMAIN_INVALID_FOR_TYPE",
    ),
    (
        "type: INT, presence: { min_fraction: 1.5 }",
        "x\n1\n",
        None,
        "INVALID_SCHEMA_SPECIFICATION FEATURE_TYPE_LOW_FRACTION_PRESENT",
    ),
    (
        "type: INT, value_count: { min: 1, max: 0 }",
        "x\n1\n",
        None,
        "INVALID_SCHEMA_SPECIFICATION FEATURE_TYPE_HIGH_NUMBER_VALUES",
    ),
    (
        "type: INT, distribution_constraints: {}",
        "x\n1\n",
        None,
        "INVALID_SCHEMA_SPECIFICATION",
    ),
    (
        "type: BYTES, domain: nowhere",
        "x\na\n",
        None,
        "INVALID_DOMAIN_SPECIFICATION",
    ),
    (
        "type: BYTES, string_domain: { value: [a, a] }",
        "x\na\n",
        None,
        "INVALID_DOMAIN_SPECIFICATION",
    ),
    (
        "type: INT",
        r#"{"num_examples": 1, "features": [{"name": "x", "type": "INT", "validation_derived_source": {},
           "num_stats": {"common_stats": {"num_non_missing": 1, "min_num_values": 1, "max_num_values": 1}}}]}"#,
        None,
        "DERIVED_FEATURE_INVALID_SOURCE DERIVED_FEATURE_BAD_LIFECYCLE",
    ),
];

pub(crate) const OF_DRIFT: &[Case] = &[
    (
        "type: BYTES, drift_comparator: { infinity_norm: { threshold: 0.2 } }",
        "x\na\na\nb\nb\n",
        Some("x\na\na\na\nb\n"),
        "COMPARATOR_L_INFTY_HIGH",
    ),
    (
        "type: BYTES, drift_comparator: { normalized_abs_difference: { threshold: 0.1 } }",
        "x\na\na\nb\nb\n",
        Some("x\na\na\na\nb\n"),
        "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
    ),
    (
        "type: FLOAT, drift_comparator: { jensen_shannon_divergence: { threshold: 0.1 } }",
        "x\n1.5\n2.5\n",
        Some("x\n101.5\n102.5\n"),
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    ),
    (
        "type: BYTES, drift_comparator: { infinity_norm: { threshold: 0.2 } }",
        "x\na\n",
        Some("y\na\n"),
        "COMPARATOR_CONTROL_DATA_MISSING",
    ),
];

/// Of the data set as a whole, or of features other than `x`: the whole schema, and all that is found.
pub(crate) const OF_OTHERS: &[Case] = &[
    (
        "feature: [{ name: x, type: INT }]",
        "x,new\n1,2\n",
        None,
        "new: SCHEMA_NEW_COLUMN",
    ),
    (
        "feature: [{ name: x, type: INT }, { type: INT }]",
        "x\n1\n",
        None,
        ": FEATURE_MISSING_NAME",
    ),
    (
        "dataset_constraints: { min_examples_count: 3 }\nfeature: [{ name: x, type: INT }]",
        "x\n1\n2\n",
        None,
        "-: DATASET_LOW_NUM_EXAMPLES",
    ),
    (
        "dataset_constraints: { max_examples_count: 1 }\nfeature: [{ name: x, type: INT }]",
        "x\n1\n2\n",
        None,
        "-: DATASET_HIGH_NUM_EXAMPLES",
    ),
    (
        "dataset_constraints: { num_examples_drift_comparator: { min_fraction_threshold: 0.9 } }\n\
         feature: [{ name: x, type: INT }]",
        "x\n1\n",
        Some("x\n1\n2\n"),
        "-: COMPARATOR_LOW_NUM_EXAMPLES",
    ),
    (
        "dataset_constraints: { num_examples_drift_comparator: { max_fraction_threshold: 1.1 } }\n\
         feature: [{ name: x, type: INT }]",
        "x\n1\n2\n",
        Some("x\n1\n"),
        "-: COMPARATOR_HIGH_NUM_EXAMPLES",
    ),
    (
        "feature: [{ name: x, type: INT }]\nweighted_feature: [{ name: x }]",
        "x\n1\n",
        None,
        "x: WEIGHTED_FEATURE_NAME_COLLISION",
    ),
    (
        "weighted_feature: [{ name: w }]",
        r#"{"num_examples": 1, "features": [{"name": "w", "custom_stats": [
           {"name": "missing_value", "num": 1}, {"name": "missing_weight", "num": 2},
           {"name": "min_weight_length_diff", "num": -1}, {"name": "max_weight_length_diff"}]}]}"#,
        None,
        "w: WEIGHTED_FEATURE_MISSING_VALUE WEIGHTED_FEATURE_MISSING_WEIGHT WEIGHTED_FEATURE_LENGTH_MISMATCH",
    ),
];

/// Every kind that is detected: TFDV's list without images, natural language and sparse features.
pub(crate) const DETECTED: usize = 48;
