"""What weights records say was measured, put in order: one protocol with its figure for each delivery."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.record import Measurement


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of measuring, with its figure for each delivery."""

    name: str
    metric: str
    by_delivery: dict[str, Measurement]

    @property
    def ranks(self) -> bool:
        """Whether it is an AUC, which is 0.5 for guessing and 1 at best."""
        return "AUC" in self.metric and " less " not in self.metric

    @property
    def leads(self) -> bool:
        """Whether it is told first: an AUC or a comparison, and not of some of the left-out sources alone."""
        sums_up = any(word in f"{self.name} {self.metric}" for word in ("pooled", "mean", "both classes"))
        one_of_many = self.name.startswith("left-out") and len(self.name.split()) > 2
        return "AUC" in self.metric and (sums_up or not one_of_many)


def protocols(results: Iterable[Measurement]) -> list[Protocol]:
    """The figures by protocol and metric, in the order of the record."""
    found: dict[tuple[str, str, str], Protocol] = {}
    for of in results:
        name, _, delivery = of.protocol.partition("; ")
        key = (of.modality.value, name, of.metric)
        found.setdefault(key, Protocol(name, of.metric, {})).by_delivery[delivery or "as_is"] = of
    return list(found.values())
