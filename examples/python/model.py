"""Ridge regression on a few columns, solved by Gaussian elimination. Standard library only."""

FEATURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
LABEL = "body_mass_g"


def fit(rows, l2):
    """Rows are dicts of numbers; gives the coefficients by feature, and the intercept."""
    means = {name: mean(row[name] for row in rows) for name in FEATURES + [LABEL]}
    centred = [{name: row[name] - means[name] for name in means} for row in rows]
    matrix = [
        [
            sum(row[a] * row[b] for row in centred) + (l2 * len(rows) if a == b else 0.0)
            for b in FEATURES
        ]
        for a in FEATURES
    ]
    target = [sum(row[name] * row[LABEL] for row in centred) for name in FEATURES]
    coefficients = dict(zip(FEATURES, solve(matrix, target)))
    intercept = means[LABEL] - sum(coefficients[name] * means[name] for name in FEATURES)
    return {"coefficients": coefficients, "intercept": intercept}


def predict(model, row):
    return model["intercept"] + sum(
        coefficient * row[name] for name, coefficient in model["coefficients"].items()
    )


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def solve(matrix, target):
    """Solves a small system of linear equations, with the largest pivot first."""
    rows = [coefficients + [value] for coefficients, value in zip(matrix, target)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda at: abs(rows[at][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for at in range(column + 1, size):
            factor = rows[at][column] / rows[column][column]
            rows[at] = [x - factor * y for x, y in zip(rows[at], rows[column])]
    solution = [0.0] * size
    for at in reversed(range(size)):
        known = sum(rows[at][other] * solution[other] for other in range(at + 1, size))
        solution[at] = (rows[at][size] - known) / rows[at][at]
    return solution
