"""What goes wrong and when: the same seed gives the same schedule."""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Event:
    at: float      # Seconds after the start.
    kind: str      # "child", "worker", "server", "cut", "fill", "collect"
    target: int    # Which worker.
    pause: float   # Seconds until what was killed is started again, or for which the disk is full.


KILLS = [("child", 10), ("worker", 6), ("server", 4)]


def plan(seconds, kills, cuts, collections, workers, seed):
    """`kills`, `cuts` and `collections` of garbage at random times, the three kinds of kills in the proportion of KILLS;
    the disk is filled once, in the middle."""
    rng = random.Random(f"schedule {seed}")
    kinds = [kind for kind, weight in KILLS for _ in range(weight)]
    events = [Event(rng.uniform(0.02, 0.98) * seconds, kinds[i % len(kinds)], rng.randrange(workers),
                    rng.uniform(0.02, 0.6)) for i in range(kills)]
    events += [Event(rng.uniform(0.02, 0.98) * seconds, "cut", 0, 0) for _ in range(cuts)]
    events.append(Event(0.5 * seconds, "fill", 0, min(5.0, seconds / 20)))
    events += [Event(rng.uniform(0.02, 0.98) * seconds, "collect", 0, 0) for _ in range(collections)]
    return sorted(events, key=lambda event: event.at)
