"""A random forest of scikit-learn, from the rows that `transform` gave to an ONNX file.

INPUT_EXAMPLES is a folder of splits in Parquet. Every column but `label`, `weight` and `key` is one
number of the features; a missing one is null. `label` is the class's index in sorted order, so the
model's classes are the label's. What is written is one tree operator over one float tensor.
"""

import json
import os
import pathlib

import numpy
import pyarrow.parquet
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

NO_FEATURES = ("label", "weight", "key")


def main():
    features, labels = read("train")
    forest = RandomForestClassifier(
        n_estimators=int(os.environ["TREES"]), min_samples_leaf=2, random_state=1
    )
    forest.fit(features, labels)
    metrics = {"train_rows": len(labels), "train_accuracy": forest.score(features, labels)}
    metrics["accuracy"] = forest.score(*read("eval"))
    print(f"right about {metrics['accuracy']:.1%} of the rows held out")

    onnx = skl2onnx.to_onnx(
        forest,
        initial_types=[("features", FloatTensorType([None, features.shape[1]]))],
        options={"zipmap": False},
        target_opset={"": 15, "ai.onnx.ml": 1},
    )
    pathlib.Path(os.environ["OUTPUT_ONNX"]).write_bytes(onnx.SerializeToString())
    pathlib.Path(os.environ["OUTPUT_METRICS"]).write_text(json.dumps(metrics), encoding="utf-8")


def read(split):
    """The features of a split as floats, null as NaN, and its labels."""
    folder = pathlib.Path(os.environ["INPUT_EXAMPLES"]) / f"Split-{split}"
    table = pyarrow.parquet.read_table(sorted(folder.glob("*.parquet")), partitioning=None)
    names = [name for name in table.column_names if name not in NO_FEATURES]
    columns = [table[name].to_numpy() for name in names]
    return numpy.column_stack(columns).astype(numpy.float32), table["label"].to_numpy()


main()
