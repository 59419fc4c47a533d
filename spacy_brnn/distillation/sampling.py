"""Which labelled texts a model reads: so that large sets do not drown small ones."""

from __future__ import annotations

from itertools import chain, islice

import numpy

from ..corpora.labelled_texts import TextSet


def draw(
    sets: list[TextSet], number: int, seed: int, power: float = 0.5
) -> list[tuple[str, str, bool]]:
    """Texts, their labels, and whether neutral is a label of their set.

    Each set gives a share in the proportion of this power of its size, in an order of its own,
    again from the start where it ends.
    """
    random = numpy.random.default_rng(seed)
    sets = [s for s in sets if s.train]
    sizes = numpy.asarray([len(s.train) for s in sets]) ** power
    drawn = []
    shares = numpy.rint(number * sizes / sizes.sum()).astype(int)
    for one, share in zip(sets, shares, strict=True):
        passes = -(-share // len(one.train))
        has_neutral = one.has_neutral
        order = chain.from_iterable(
            random.permutation(len(one.train)).tolist() for _ in range(passes)
        )
        for place in islice(order, share):
            text = one.train[place]
            drawn.append((text.text, text.label, has_neutral))
    return [drawn[place] for place in random.permutation(len(drawn)).tolist()]
