"""Components as Kubeflow Pipelines' own SDK compiles them: `python components.py FOLDER`.

`count.json` beside this file is what it compiled, for a test that needs no SDK.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

# Reads the ExecutorInput that it is given and writes what it was told to, without any SDK.
COUNT = """
import json, pathlib, sys
given = json.loads(sys.argv[1])
rows = given["inputs"]["artifacts"]["rows"]["artifacts"][0]
least = given["inputs"]["parameterValues"]["least"]
note = given["inputs"]["parameterValues"]["note"]
lines = pathlib.Path(rows["uri"]).read_text().splitlines()
kept = [line for line in lines if float(line) >= least]
kept_at = given["outputs"]["artifacts"]["kept"]["artifacts"][0]
pathlib.Path(kept_at["uri"]).write_text("\\n".join(kept))
pathlib.Path(given["outputs"]["parameters"]["count"]["outputFile"]).write_text(str(len(kept)))
kept_at["metadata"] = {"note": note, "read": len(lines)}
answer = {"artifacts": {"kept": {"artifacts": [kept_at]}}}
pathlib.Path(given["outputs"]["outputFile"]).write_text(json.dumps(answer))
"""


@dsl.container_component
def count(
    rows: Input[Dataset],
    least: float,
    note: str,
    kept: Output[Dataset],
    count: dsl.OutputPath(int),
):
    return dsl.ContainerSpec(
        image="python:3.12", command=["python3", "-c", COUNT], args=["{{$}}"]
    )


@dsl.component(base_image="python:3.12", install_kfp_package=False)
def train(
    rows: Input[Dataset],
    rate: float,
    note: str,
    model: Output[Model],
    metrics: Output[Metrics],
) -> NamedTuple("Outputs", [("rows_read", int), ("told", str)]):
    with open(rows.path) as file:
        numbers = [float(line) for line in file]
    with open(model.path, "w") as file:
        file.write(str(sum(numbers) * rate))
    model.framework = "none"
    model.metadata["rows"] = len(numbers)
    metrics.log_metric("mean", sum(numbers) / len(numbers))
    return (len(numbers), note)


if __name__ == "__main__":
    for component in [count, train]:
        target = Path(sys.argv[1]) / f"{component.name}.json"
        compiler.Compiler().compile(component, str(target))
