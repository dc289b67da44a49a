"""Rows of public pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.errors import NotFound
from state.model import MentionState, Mode
from state.store import Store
from tests.state.conftest import accept, post


def new_mention(store: Store, name: str) -> int:
    accept(store, post(name))
    (found,) = (m.id for m in store.mentions.in_state(MentionState.SEEN) if m.post.platform_id == name)
    return found


def test_a_mention_has_one_page_with_a_name_that_cannot_be_guessed(store: Store) -> None:
    first, second = (new_mention(store, name) for name in ("m1", "m2"))
    page = store.public_pages.add(first)
    assert store.public_pages.add(first) == page
    assert len(page.token) == 22
    assert page.token != store.public_pages.add(second).token
    assert store.public_pages.get(page.token) == page
    assert [each.mention_id for each in store.public_pages.latest(10)] == [second, first]


def test_a_page_is_taken_down_once_and_put_up_once(store: Store) -> None:
    page = store.public_pages.add(new_mention(store, "m1"))
    assert not store.public_pages.restore(page.token)
    assert store.public_pages.remove(page.token)
    assert not store.public_pages.remove(page.token)
    assert store.public_pages.get(page.token).removed_at is not None
    assert store.public_pages.restore(page.token)
    assert store.public_pages.get(page.token) == page


def test_pages_of_the_other_mode_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with_tests = Store(path, Mode.TEST)
    page = with_tests.public_pages.add(new_mention(with_tests, "m1"))
    with_tests.close()
    live = Store(path, Mode.LIVE)
    with pytest.raises(NotFound):
        live.public_pages.get(page.token)
    assert live.public_pages.latest(10) == []
    live.close()
