"""Holds a model's predictions against onnxruntime, and an evaluation against scikit-learn.

Arguments: the folder of a model; transformed rows; the same rows raw, with predictions; the folder of
an evaluation. The rows of the split `eval` must be the same in all.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
import pyarrow.parquet
from sklearn import metrics

SPLIT = "Split-eval"
NO_FEATURES = ("label", "weight", "key")
# onnxruntime sums in single precision.
PREDICTION_TOLERANCE = 1e-5
METRIC_TOLERANCE = 1e-9


def main():
    model, transformed, predicted, evaluation = map(pathlib.Path, sys.argv[1:])
    signature = json.loads((model / "signature.json").read_text())
    rows, raw = read(transformed), read(predicted)
    assert len(rows) == len(raw) > 0, f"{len(rows)} rows are not {len(raw)}"
    features = numpy.column_stack(
        [rows[name].to_numpy() for name in rows.column_names if name not in NO_FEATURES]
    ).astype(numpy.float32)
    ours = predictions(raw)

    session = onnxruntime.InferenceSession(model / "model.onnx")
    theirs = session.run(None, {session.get_inputs()[0].name: features})[-1]
    difference = numpy.abs(ours - theirs.reshape(ours.shape)).max()
    assert difference <= PREDICTION_TOLERANCE, f"onnxruntime differs by {difference}"
    print(f"onnxruntime differs by {difference}")

    expected = measure(signature["task"], rows["label"].to_numpy(), ours)
    document = json.loads((evaluation / "evaluation.json").read_text())
    found = {m["metric"]: m["value"] for m in document["metrics"] if m["slice"] is None}
    assert found.keys() == expected.keys(), f"{found.keys()} are not {expected.keys()}"
    for name, value in expected.items():
        assert abs(found[name] - value) <= METRIC_TOLERANCE, f"{name}: {found[name]} is not {value}"
        print(f"{name}: {value}")


def read(folder):
    return pyarrow.parquet.read_table(sorted((folder / SPLIT).glob("*.parquet")), partitioning=None)


def predictions(table):
    """One row of numbers for each row."""
    if "prediction.value" in table.column_names:
        return table["prediction.value"].to_numpy().reshape(-1, 1)
    return numpy.array(table["prediction.probability"].to_pylist())


def measure(task, labels, values):
    """What scikit-learn's functions say, by our names."""
    if task == "regression":
        values = values[:, 0]
        return {
            "mae": metrics.mean_absolute_error(labels, values),
            "rmse": metrics.root_mean_squared_error(labels, values),
            "r2": metrics.r2_score(labels, values),
            "mape": metrics.mean_absolute_percentage_error(labels, values),
        }
    decisions = values.argmax(axis=1)
    # The bounds of log_loss are those of single precision, in which models give probabilities; the sum
    # is in double precision.
    one_hot = numpy.eye(values.shape[1])[labels]
    epsilon = numpy.finfo(numpy.float32).eps
    clipped = numpy.clip(values, epsilon, 1 - epsilon)
    loss = -(one_hot * numpy.log(clipped)).sum(axis=1).mean()
    single = metrics.log_loss(labels, values.astype(numpy.float32))
    assert abs(loss - single) < 1e-6, "the two log losses differ"
    common = {"log_loss": loss, "accuracy": metrics.accuracy_score(labels, decisions)}
    if task == "binary":
        return common | {
            "auc": metrics.roc_auc_score(labels, values[:, 1]),
            "pr_auc": metrics.average_precision_score(labels, values[:, 1]),
            "precision": metrics.precision_score(labels, decisions),
            "recall": metrics.recall_score(labels, decisions),
            "f1": metrics.f1_score(labels, decisions),
        }
    aucs = [metrics.roc_auc_score(labels == k, values[:, k]) for k in range(values.shape[1])]
    return common | {
        "auc": numpy.mean(aucs),
        "precision_macro": metrics.precision_score(labels, decisions, average="macro"),
        "recall_macro": metrics.recall_score(labels, decisions, average="macro"),
        "f1_macro": metrics.f1_score(labels, decisions, average="macro"),
    }


main()
