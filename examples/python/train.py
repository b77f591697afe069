"""Learns body mass from bill and flipper.

What a step is given, and where it writes, stands in environment variables: INPUT_SOURCE holds the
paths of the input's files, one a line; OUTPUT_MODEL and OUTPUT_METRICS are paths to write to;
single values go as name=value lines into the file that ROPEWALK_OUTPUT names.
"""

import csv
import hashlib
import json
import os
import sys

import model

COLUMNS = model.FEATURES + [model.LABEL]
MISSING = ("", "NA")


def main():
    rows = []
    for path in os.environ["INPUT_SOURCE"].splitlines():
        rows.extend(read(path))
    train = [row for row in rows if not is_held_out(row)]
    held_out = [row for row in rows if is_held_out(row)]
    if not train or not held_out:
        sys.exit(f"{len(rows)} complete rows are too few to learn from and to be measured on")
    print(f"{len(train)} rows to learn from, {len(held_out)} held out")

    fitted = model.fit(train, float(os.environ["L2"]))
    average = model.mean(row[model.LABEL] for row in train)
    metrics = {
        "rmse": rmse(held_out, lambda row: model.predict(fitted, row)),
        "baseline_rmse": rmse(held_out, lambda row: average),
    }
    print(f"root mean squared error on the rows held out: {metrics['rmse']:.1f} g")

    write_json(os.environ["OUTPUT_MODEL"], fitted)
    write_json(os.environ["OUTPUT_METRICS"], metrics)
    with open(os.environ["ROPEWALK_OUTPUT"], "a", encoding="utf-8") as output:
        output.write(f"rows={len(train)}\n")


def read(path):
    """The rows of a file that have a number in every column that is used."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            sys.exit(f"{path}: there is no column {', '.join(missing)}")
        for row in reader:
            if not any(row[name] in MISSING for name in COLUMNS):
                try:
                    yield {name: float(row[name]) for name in COLUMNS}
                except ValueError as error:
                    sys.exit(f"{path}, line {reader.line_num}: {error}")


def is_held_out(row):
    """One row in four, by its own content: the same row is always on the same side."""
    content = ",".join(str(row[name]) for name in COLUMNS)
    return hashlib.sha256(content.encode()).digest()[0] % 4 == 0


def rmse(rows, predict):
    return model.mean((predict(row) - row[model.LABEL]) ** 2 for row in rows) ** 0.5


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


main()
