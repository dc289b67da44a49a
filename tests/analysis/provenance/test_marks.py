"""Generators' marks in metadata: found where they are, not where a picture is merely about them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from analysis.decoding.decoder import Decoder
from analysis.limits import Limits
from analysis.provenance.model import GeneratorMark

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    '"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
)


def marks(path: Path) -> tuple[GeneratorMark, ...]:
    decoder = Decoder(Limits())
    try:
        return decoder.decode(path).provenance.marks
    finally:
        decoder.close()


def png(path: Path, **texts: str) -> Path:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text)
    Image.new("RGB", (64, 64), (9, 9, 9)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    ("texts", "generator"),
    [
        ({"parameters": "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler"}, "Stable Diffusion"),
        ({"workflow": '{"nodes": []}'}, "ComfyUI"),
        ({"prompt": '{"3": {"class_type": "KSampler"}}'}, "ComfyUI"),
        ({"invokeai_metadata": "{}"}, "InvokeAI"),
        ({"Software": "NovelAI"}, "NovelAI"),
        (
            {"Description": "a church --v 7 Job ID: cde0f147-6ca6-4ff2-b69d-b751b50da2b5"},
            "Midjourney",
        ),
        ({"Credit": "Made with Google AI"}, "Google AI"),
        ({"AIGC": '{"Label": "1"}'}, "a generator that labels its output as AI content"),
    ],
)
def test_text_of_a_png(tmp_path: Path, texts: dict[str, str], generator: str) -> None:
    (mark,) = marks(png(tmp_path / "a.png", **texts))
    assert mark == GeneratorMark(generator, f"text field {next(iter(texts))}")


@pytest.mark.parametrize(
    "texts",
    [
        {"Description": "our holidays by the lake"},
        {"Software": "GIMP 2.10"},
        {"Title": "Gemini rising", "Comment": "shot on a sony"},
        {"Description": "a stream in flux, steps: many"},
        {"prompt": "what do you think?"},
    ],
)
def test_everyday_words_are_no_marks(tmp_path: Path, texts: dict[str, str]) -> None:
    assert marks(png(tmp_path / "a.png", **texts)) == ()


def test_exif_and_xmp_of_a_jpeg(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "DALL-E 3"
    path = tmp_path / "a.jpg"
    Image.new("RGB", (64, 64)).save(path, exif=exif, xmp=XMP.encode())
    assert set(marks(path)) == {
        GeneratorMark("DALL-E", "EXIF Software"),
        GeneratorMark("generative AI (IPTC digital source type)", "XMP"),
    }


def test_xmp_that_a_container_hides(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.new("RGB", (64, 64)).save(path)
    path.write_bytes(path.read_bytes() + XMP.encode())
    assert marks(path) == (GeneratorMark("generative AI (IPTC digital source type)", "XMP"),)


def test_tags_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = "Runway Gen-3 Alpha"
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert marks(path) == (GeneratorMark("Runway", "tag comment"),)


def test_a_flood_of_marks_and_broken_text_is_bounded(tmp_path: Path) -> None:
    texts = {f"f{number}": "midjourney \x00\x1b[31m" * 100 for number in range(40)}
    path = tmp_path / "a.png"
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add(b"tEXt", name.encode() + b"\0" + text.encode("latin-1"))
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    found = marks(path)
    assert 1 <= len(found) <= 6
    assert {mark.generator for mark in found} == {"Midjourney"}
