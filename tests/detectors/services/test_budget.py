from __future__ import annotations

import threading
from pathlib import Path

import pytest

from detectors.errors import BudgetSpent, ServiceFailed
from detectors.services.budget import Budget


class Calendar:
    day = "2026-01-01"

    def __call__(self) -> str:
        return self.day


def test_nothing_passes_the_cap() -> None:
    budget = Budget(1.0)
    budget.reserve(0.6)
    with pytest.raises(BudgetSpent, match="midnight UTC"):
        budget.reserve(0.5)
    assert budget.spent() == 0.6
    budget.reserve(0.4)


def test_a_cap_of_zero_lets_free_answers_pass() -> None:
    budget = Budget(0)
    budget.reserve(0)
    with pytest.raises(BudgetSpent):
        budget.reserve(1e-9)


def test_a_new_day_starts_from_zero_and_owes_nothing_to_the_old() -> None:
    today = Calendar()
    budget = Budget(1.0, today=today)
    day = budget.reserve(0.9)
    today.day = "2026-01-02"
    assert budget.spent() == 0
    budget.reserve(0.9)
    budget.settle(day, 0.9, 0.0)
    assert budget.spent() == 0.9


def test_the_count_outlives_a_restart(tmp_path: Path) -> None:
    today, file = Calendar(), tmp_path / "new" / "spent.json"
    Budget(1.0, file, today).reserve(0.7)
    assert Budget(1.0, file, today).spent() == 0.7
    today.day = "2026-01-02"
    assert Budget(1.0, file, today).spent() == 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"day": "2026-01-01"}', '{"day": 1, "spent": "much"}', '{"day": "", "spent": NaN}'],
)
def test_a_count_that_cannot_be_read_closes_the_day(content: str, tmp_path: Path) -> None:
    today, file = Calendar(), tmp_path / "spent.json"
    file.write_text(content, "ascii")
    budget = Budget(1.0, file, today)
    with pytest.raises(BudgetSpent):
        budget.reserve(0.1)
    today.day = "2026-01-02"
    budget.reserve(0.1)


@pytest.mark.parametrize("cap", [-1, float("inf"), float("nan")])
def test_a_cap_that_is_none_is_refused(cap: float) -> None:
    with pytest.raises(ValueError, match="give a number from 0"):
        Budget(cap)


def test_many_threads_share_one_cap() -> None:
    budget, paid = Budget(10.0), []

    def spend() -> None:
        for _ in range(50):
            try:
                budget.reserve(0.5)
            except BudgetSpent:
                return
            paid.append(1)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paid) == 20


def test_processes_share_one_cap(tmp_path: Path) -> None:
    """Two budgets on one file stand for two processes: the lock is on the file, not on the object."""
    file = tmp_path / "spent.json"
    service, command = Budget(1.0, file), Budget(1.0, file)
    day = service.reserve(0.6)
    assert command.spent() == 0.6
    with pytest.raises(BudgetSpent):
        command.reserve(0.5)
    service.settle(day, 0.6, 0.1)
    command.reserve(0.5)
    assert service.spent() == pytest.approx(0.6)


def test_many_threads_on_many_budgets_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "spent.json"
    threads = [
        threading.Thread(target=lambda: [Budget(100, file).reserve(0.5) for _ in range(10)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Budget(100, file).spent() == 20


def test_without_a_place_for_the_count_nothing_is_spent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    budget = Budget(1.0, tmp_path / "file" / "spent.json")
    with pytest.raises(ServiceFailed, match="make that folder writable"):
        budget.reserve(0.1)
    budget.reserve(0)
