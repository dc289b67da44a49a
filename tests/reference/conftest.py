"""Options of the parity suite: `pytest tests/reference --vectors DIR --prefix STR`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference.vectors import Vectors

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parity")
    group.addoption(
        "--vectors",
        type=Path,
        default=None,
        help="folder with <model>/keys.json and io.npz made under --prefix (default: the repository's)",
    )
    group.addoption("--prefix", default="", help="prefix of tensor names in the weight rule (default: empty)")


@pytest.fixture
def vectors(request: pytest.FixtureRequest) -> Vectors:
    """The vectors of the model that the test's `case` names.

    Outputs can be compared only where they were made with the weights that the prefix gives: the repository's
    with the empty prefix, those of another folder with the prefix passed along with it.
    """
    name = request.getfixturevalue("case").name
    # Without this folder on the command line, pytest has no chance to register the options.
    given = request.config.getoption("--vectors", default=None)
    prefix = request.config.getoption("--prefix", default="")
    if given is not None and not given.is_dir():
        pytest.fail(f"--vectors {given}: there is no such folder")
    folder = (given or HERE) / name
    if not folder.is_dir():
        pytest.skip(f"{given} has no vectors of {name}")
    return Vectors.read(folder, prefix, comparable=given is not None or not prefix)
