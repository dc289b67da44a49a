"""Options of the parity suite: `pytest tests/reference --vectors DIR --prefix STR [--bf16]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference.cases.base import Case
from tests.reference.vectors import HERE, Vectors


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parity")
    group.addoption(
        "--vectors",
        type=Path,
        default=None,
        help="folder with <model>/keys.json and io.npz made under --prefix (default: the repository's)",
    )
    group.addoption("--prefix", default="", help="prefix of tensor names in the weight rule (default: empty)")
    group.addoption("--bf16", action="store_true", help="run the networks in bf16 on the CPU, too")


@pytest.fixture(scope="module")
def vectors(request: pytest.FixtureRequest, case: Case) -> Vectors:
    """The vectors of the model that the test's `case` names.

    Outputs can be compared only where they were made with the weights that the prefix gives: the repository's
    with the empty prefix, those of another folder with the prefix passed along with it.
    """
    # Without this folder on the command line, pytest has no chance to register the options.
    given = request.config.getoption("--vectors", default=None)
    prefix = request.config.getoption("--prefix", default="")
    if given is not None and not given.is_dir():
        pytest.fail(f"--vectors {given}: there is no such folder")
    folder = (given or HERE) / (case.folder or case.name)
    if not folder.is_dir():
        pytest.skip(f"{given} has no vectors of {folder.name}")
    comparable = given is not None or not prefix
    vectors = Vectors.read(
        folder, prefix, comparable=comparable, keys=case.keys, io=case.io, sections=case.sections
    )
    return vectors.within(case.scope) if case.scope else vectors
