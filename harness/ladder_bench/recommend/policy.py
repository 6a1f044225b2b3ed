"""A recommendation's policy: the floors, limits and traffic that a decision has to respect, as its YAML says them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ladder_bench import content
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.errors import InputError, Problem
from ladder_bench.tiers import Shape, Text

BASE = "base"  # in a policy: the run's own base
OTHER = "other"  # the segment of conversations that have none of the named tags
MARGIN = 0.03  # of quality, where a policy names none: what the verdict of a run allows, too
FOLDER = "ladders/policies"

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FloorShape(Shape):
    at_least: Share | None = None
    against: Text | None = None
    margin: Share | None = None


class HighStakesShape(FloorShape):
    of: Literal["quality", "resolved"] = "quality"
    tag: Text | None = None


class LatencyShape(Shape):
    over_s: Seconds | None = None
    at_most: Share | None = None
    p50_s: Seconds | None = None
    p90_s: Seconds | None = None


class RateShape(Shape):
    at_most: Amount


class TrafficShape(Shape):
    conversations_per_month: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    weights: dict[str, Amount] | None = None
    counts: dict[str, Amount] | None = None


class PolicyShape(Shape):
    quality: FloorShape | None = None
    resolved: FloorShape | None = None
    high_stakes: HighStakesShape | None = None
    latency: LatencyShape | None = None
    unsupported_per_turn: RateShape | None = None
    unresolved_cost_usd: Amount | None = None
    traffic: TrafficShape
    segments: list[Text] = Field(default_factory=list)
    by_segment: bool = False
    controls: bool = False


@dataclass(frozen=True, slots=True)
class Floor:
    """What a mean may not be below: a value, another strategy's less a margin, or both. `against`: a name or BASE.

    `metric`: quality or resolved. `stakes`: in the conversations where they are high alone. `key`: its place in YAML.
    """

    key: str
    metric: str
    stakes: bool
    at_least: float | None
    against: str | None
    margin: float


@dataclass(frozen=True, slots=True)
class Limit:
    """At most this share of the turns may make a user wait for more than so many seconds."""

    name: str
    over_s: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What a decision has to respect. `segments`: tags in their order of precedence; `shares` by segment add up to 1.

    `shares` None: each conversation weighs 1. `stakes_tag` None: conversations in which a turn is labelled high_stakes.
    """

    document: Document
    floors: tuple[Floor, ...]
    stakes_tag: str | None
    waits: tuple[Limit, ...]
    unsupported_at_most: float | None
    unresolved_usd: float | None
    per_month: float
    segments: tuple[str, ...]
    shares: Mapping[str, float] | None
    by_segment: bool
    controls: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The segments, with the one of all other conversations at the end."""
        return (*self.segments, OTHER)


def load_policy(name: str) -> Policy:
    """Load a policy by path or bundled name. Raises InputError."""
    return read_policy(read_yaml(content.locate(name, FOLDER)))


def read_policy(document: Document) -> Policy:
    """A policy from its document. Raises InputError with every problem, located."""
    problems: list[Problem] = []
    shape = content.parse(PolicyShape, document, problems)
    problems += [document.problem(loc, what) for loc, what in _wrong(shape)]
    if problems:
        raise InputError(problems)
    given = _given(shape.traffic)
    whole = sum(given.values()) if given else 0.0
    return Policy(
        document=document,
        floors=tuple(_floors(shape)),
        stakes_tag=shape.high_stakes.tag if shape.high_stakes else None,
        waits=tuple(_limits(shape.latency)),
        unsupported_at_most=shape.unsupported_per_turn.at_most if shape.unsupported_per_turn else None,
        unresolved_usd=shape.unresolved_cost_usd,
        per_month=shape.traffic.conversations_per_month or whole,
        segments=_segments(shape),
        shares={name: value / whole for name, value in given.items()} if given else None,
        by_segment=shape.by_segment,
        controls=shape.controls,
    )


def _given(traffic: TrafficShape) -> Mapping[str, float] | None:
    return traffic.counts if traffic.counts is not None else traffic.weights


def _segments(shape: PolicyShape) -> tuple[str, ...]:
    """Tags in their order of precedence: as listed, else in the order of the traffic's own."""
    return tuple(shape.segments) or tuple(name for name in _given(shape.traffic) or () if name != OTHER)


def _floors(shape: PolicyShape) -> Iterator[Floor]:
    stakes = shape.high_stakes
    for key, metric, floor in (
        ("quality", "quality", shape.quality),
        ("resolved", "resolved", shape.resolved),
        ("high_stakes", stakes.of if stakes else "", stakes),
    ):
        if floor is not None:
            against = floor.against or (BASE if floor.margin is not None else None)
            margin = MARGIN if floor.margin is None else floor.margin
            yield Floor(key, metric, key == "high_stakes", floor.at_least, against, margin)


def _limits(latency: LatencyShape | None) -> Iterator[Limit]:
    """A quantile is at most x where at most the rest of the turns are over x."""
    if latency is None:
        return
    if latency.over_s is not None and latency.at_most is not None:
        yield Limit(f"turns over {latency.over_s:g} s", latency.over_s, latency.at_most)
    for name, seconds, rest in (("p50", latency.p50_s, 0.5), ("p90", latency.p90_s, 0.1)):
        if seconds is not None:
            yield Limit(f"turns over {seconds:g} s ({name})", seconds, rest)


# --- what is wrong with it -----------------------------------------------------------------


def _wrong(shape: PolicyShape) -> Iterator[tuple[Loc, str]]:
    floors = {"quality": shape.quality, "resolved": shape.resolved, "high_stakes": shape.high_stakes}
    if not any((*floors.values(), shape.latency, shape.unsupported_per_turn)):
        valid = ", ".join((*floors, "latency", "unsupported_per_turn"))
        yield (), f"names no floor and no limit, so the cheapest would win whatever it says; valid: {valid}"
    for name, floor in floors.items():
        if floor is not None and floor.at_least is None and floor.against is None and floor.margin is None:
            yield (name,), f"needs 'at_least: 0.9', or 'against: {BASE}' with a 'margin', or both"
    if shape.latency is not None:
        yield from _wrong_latency(shape.latency)
    yield from _wrong_traffic(shape)
    for index, name in enumerate(shape.segments):
        if name == OTHER:
            yield ("segments", index), f"'{OTHER}' is what has none of the tags; leave it out here"
        elif name in shape.segments[:index]:
            yield ("segments", index), f"'{name}' is listed twice"
    if shape.by_segment and not _segments(shape):
        yield ("by_segment",), "needs 'segments': the tags to decide by, the one that goes first at the top"


def _wrong_latency(latency: LatencyShape) -> Iterator[tuple[Loc, str]]:
    if (latency.over_s is None) != (latency.at_most is None):
        yield (
            ("latency",),
            "'over_s' and 'at_most' belong together: at most this share of the turns over so many seconds",
        )
    if latency.over_s is latency.p50_s is latency.p90_s is None and latency.at_most is None:
        yield ("latency",), "needs 'over_s' with 'at_most', 'p50_s' or 'p90_s'"


def _wrong_traffic(shape: PolicyShape) -> Iterator[tuple[Loc, str]]:
    traffic = shape.traffic
    if traffic.counts is not None and traffic.weights is not None:
        yield ("traffic",), "has both 'counts' and 'weights'; keep one"
        return
    if traffic.counts is not None and traffic.conversations_per_month is not None:
        yield (
            ("traffic", "conversations_per_month"),
            "'counts' add up to it; keep one, or turn the counts into 'weights'",
        )
    if traffic.counts is None and traffic.conversations_per_month is None:
        yield ("traffic",), "needs 'conversations_per_month', or 'counts' by segment"
    key = "counts" if traffic.counts is not None else "weights"
    given = _given(traffic)
    if given is None:
        return
    if not sum(given.values()) > 0:
        yield ("traffic", key), "adds up to 0: at least one segment needs traffic"
    yield from _unlisted(key, given, shape.segments)


def _unlisted(key: str, given: Mapping[str, float], segments: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    if not segments:
        return
    for name in given:
        if name != OTHER and name not in segments:
            hint = content.did_you_mean(name, (*segments, OTHER))
            valid = ", ".join((*segments, OTHER))
            yield ("traffic", key, name), f"is no segment{hint or f'; segments are: {valid}'}"
    for name in segments:
        if name not in given:
            yield ("traffic", key), f"says nothing of the segment '{name}'; 0 leaves it out"
