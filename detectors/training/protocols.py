"""Protocols of measuring what was trained, beside the folds of `dataset` that they are made of.

Leave one set out is `dataset.source_folds`. Here are leave one generator out over all sources, and cross-set.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.training.dataset import Fold, Item, generator_folds


def every_generator_left_out(items: Sequence[Item]) -> list[Fold]:
    """Leave each generator of each source out in turn, with an equal share of that source's reals.

    Sources of one generator, or without reals, have no such fold: leaving it out leaves the source out. Folds
    are named ``SOURCE/GENERATOR``.
    """
    folds = []
    for source in sorted({item.source for item in items}):
        mine = [item for item in items if item.source == source]
        generators = {item.generator for item in mine if item.label}
        if len(generators) > 1 and any(not item.label for item in mine):
            folds += [Fold(f"{source}/{of.name}", of.train, of.test) for of in generator_folds(items, source)]
    return folds


def cross_set_folds(items: Sequence[Item]) -> list[Fold]:
    """Train on one source with both classes, and score all others: how far what was learnt there carries."""
    folds = []
    for source in sorted({item.source for item in items}):
        inside = [item.source == source for item in items]
        train = tuple(place for place, mine in enumerate(inside) if mine)
        test = tuple(place for place, mine in enumerate(inside) if not mine)
        if test and {items[place].label for place in train} == {0, 1}:
            folds.append(Fold(source, train, test))
    return folds
