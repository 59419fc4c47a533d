"""Which component answers for a document, in extensions that are computed when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, ref

from spacy.tokens import Doc
from spacy.vocab import Vocab


class Answering(Protocol):
    """A component that answers."""

    vocab: Vocab


Component = TypeVar("Component", bound=Answering)


class Answers(Generic[Component]):
    """Who answers for what, by the name of the extension.

    A Doc knows its vocabulary but not its pipeline, so components are found by the id of their
    own vocabulary, which lives as long as they do. Documents of other vocabularies, such as each
    unpickled one has, are kept track of one by one and only while they live: a Vocab is large.
    """

    def __init__(self) -> None:
        self._hosts: dict[int, dict[str, list[ref[Component]]]] = {}
        self._guests: WeakKeyDictionary[Doc, dict[str, ref[Component]]] = WeakKeyDictionary()

    def register(self, component: Component, name: str) -> None:
        """Let this component answer for the documents of its vocabulary, before all others."""
        hosts = self._hosts.setdefault(id(component.vocab), {})
        alive = [other for other in hosts.get(name, []) if other() not in (None, component)]
        hosts[name] = [*alive, ref(component)]

    def others(self, doc: Doc, component: Component) -> Iterator[tuple[str, Component]]:
        """The other components that may answer for a document, each with the name it does by."""
        named = [
            (name, host)
            for name, hosts in self._hosts.get(id(doc.vocab), {}).items()
            for host in hosts
        ]
        if self._guests:
            named += self._guests.get(doc, {}).items()
        for name, host in named:
            other = host()
            if other not in (None, component):
                yield name, other

    def take(self, doc: Doc, component: Component, name: str) -> None:
        """Let this component answer for a document, whatever vocabulary that has."""
        if doc.vocab is not component.vocab:
            self._guests.setdefault(doc, {})[name] = ref(component)
        elif self._guests and doc in self._guests:
            self._guests[doc].pop(name, None)

    def find(self, doc: Doc, name: str) -> Component | None:
        """The component that answers for a document; None where all are gone."""
        guest_of = self._guests.get(doc, {}).get(name)
        # The last one added first.
        hosts = self._hosts.get(id(doc.vocab), {}).get(name, [])
        hosts = [*hosts, *([guest_of] if guest_of else [])]
        alive = (host() for host in reversed(hosts))
        return next((component for component in alive if component is not None), None)
