# SPDX-License-Identifier: Apache-2.0
"""Signal: what an area may hear, by its kind and the name of where it comes from."""

__all__ = ["Signal", "earlier", "is_early", "is_seen", "lagged", "seen"]

Signal = tuple[str, str]
"""Where a number comes from, and a name: ``sensation``; ``now``, this step's activity
of an area; ``before``, its activity of the step before, or ``before 2`` of two steps
before and so on, each with ``seen`` after it what a read-out shows of a map;
``memory``, what a unit keeps for itself."""


def lagged(lag: int) -> str:
    """Return the kind of activity that is as many steps old."""
    return ("now", "before")[lag] if lag < 2 else f"before {lag}"


def seen(kind: str) -> str:
    """Return the kind of what a read-out shows of a map's activity."""
    return f"{kind} seen"


def is_seen(signal: Signal) -> bool:
    """Whether a signal is what a read-out shows."""
    return signal[0].endswith(" seen")


def is_early(signal: Signal) -> bool:
    """Whether a signal is known before the step begins."""
    return signal[0].startswith("before")


def earlier(signal: Signal) -> Signal:
    """Return what a signal of the state was called one step earlier."""
    kind, name = signal
    if not is_early(signal):
        return signal
    return lagged(int(kind.removeprefix("before") or 1) - 1), name
