"""Paragraphs: wrapped to the terminal, with what is there to be copied in one piece."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bot.cli.layout import paragraph

URL = "https://publisher.example/weights-of-a-detector/releases/download/v1/mobilenet-0.25_Final.pth"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_words_wrap_and_urls_stay_whole(width: int) -> None:
    written = io.StringIO()
    words = f"a file of weights that is fetched only when somebody asks for it, from {URL}"
    paragraph(Console(file=written, width=width), words, label="- ")
    lines = written.getvalue().splitlines()
    assert URL in written.getvalue()
    assert lines[0].startswith("  - a file of weights")
    assert all(line.startswith("    ") for line in lines[1:])
    assert all(len(line) <= width for line in lines if URL not in line)
