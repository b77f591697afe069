"""Writes cron expressions, made by chance from a fixed seed, and when croniter says that they fire.

A line of JSON each: `expression`, `after`, `fires`.
"""

import datetime
import json
import random

from croniter import croniter

COUNT = 300
FIRES = 12
FIELDS = [
    (0, 59, []),
    (0, 23, []),
    (1, 31, []),
    (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec".split()),
    (0, 7, "sun mon tue wed thu fri sat".split()),
]
chance = random.Random(20260301)


def value(least, most, names):
    number = chance.randint(least, most)
    named = number - least < len(names) and chance.random() < 0.3
    return names[number - least] if named else str(number)


def part(least, most, names):
    kind = chance.random()
    if kind < 0.45:
        return value(least, most, names)
    # A step that leaves the field counts nothing but the first.
    step = f"/{chance.randint(1, max(2, (most - least) // 2))}" if chance.random() < 0.5 else ""
    if kind < 0.65:
        return "*" + step
    first = chance.randint(least, most - 1)
    return f"{first}-{chance.randint(first + 1, most)}{step}"


def field(least, most, names):
    if chance.random() < 0.35:
        return "*"
    # croniter takes no list that begins with a star as crontab(5) does, nor does anybody write one.
    parts = [part(least, most, names) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    stars = [p for p in parts if p.startswith("*")]
    return stars[0] if stars else ",".join(parts)


def expression_by_chance():
    # Half of them fire once a day, so that their days are told apart.
    time = [value if chance.random() < 0.5 else field] * 2
    return " ".join(make(*f) for make, f in zip(time + [field] * 3, FIELDS))


for _ in range(COUNT):
    expression = expression_by_chance()
    after = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    after += datetime.timedelta(minutes=chance.randrange(4 * 365 * 24 * 60))
    times = croniter(expression, after, implement_cron_bug=True)
    fires = [times.get_next(datetime.datetime) for _ in range(FIRES)]
    after, *fires = (time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in [after, *fires])
    print(json.dumps({"expression": expression, "after": after, "fires": fires}))
