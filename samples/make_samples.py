"""Makes every media file of `samples/inbox` again, and the page that names their sources.

    python samples/make_samples.py --out DIR

writes ``DIR/inbox/media/*``, ``DIR/SOURCES.md`` and ``DIR/manifest.csv``, which says what is real, for
`veritag evaluate` (``--out samples`` replaces the ones of this checkout).
It takes about five minutes on two cores, most of them to train the generator. Beside Veritag's own
dependencies it needs scikit-image (``pip install scikit-image``; its wheel carries the photographs) and
the program espeak-ng (Debian package ``espeak-ng``). The same versions of all of them give the same bytes;
others give the same pictures with other hashes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from encoding import pan, speak, write_audio, write_gif, write_video
from generator import Generator, train
from PIL import Image
from torch import Tensor
from torch.nn import functional

try:
    from skimage import data
except ModuleNotFoundError:
    sys.exit("make_samples: scikit-image carries the photographs; run `pip install scikit-image`")

SEED = 7
STEPS = 1000
OURS = "made for this repository, Apache-2.0 like the rest of it"
CAT = "scikit-image `data.chelsea()`, photograph by Stefan van der Walt"
COFFEE = "scikit-image `data.coffee()`, photograph by Rachel Michetti, courtesy of Pikolo Espresso Bar"
BRICKS = "scikit-image `data.brick()`, photograph Bricks25 of CC0Textures"
GRAVEL = "scikit-image `data.gravel()`, photograph Gravel04 of CC0Textures"
ASTRONAUT = "scikit-image `data.astronaut()`, NASA portrait of Eileen Collins, flic.kr/p/r9qvLn"
GENERATED = "painted by a decoder of `samples/generator.py`"
CC0 = "CC0 1.0"
NASA = "public domain (NASA)"
GENERATED_LICENCE = f"{OURS}; the training photographs are CC0"
ENGLISH = "Good evening. This short message was not spoken by a person. A small program read it aloud."
SPANISH = "Buenas tardes. Nadie ha dicho este mensaje: lo ha leído en voz alta un programa."


@dataclass(frozen=True)
class Sample:
    """One file: its name, what it shows, where it comes from, its licence and the function that writes it.

    ``made_of`` is what it shows again, where other files do so too; ``label`` is ``real``, ``fake`` or, where
    that cannot be said of the whole file, nothing.
    """

    file: str
    what: str
    source: str
    licence: str
    write: Callable[[Path], object]
    label: str = ""
    made_of: str = ""


@cache
def generator() -> Generator:
    """The trained network; trained once, at its first use."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)
    return train([data.chelsea(), data.coffee(), brick_wall()], steps=STEPS, seed=SEED)


def brick_wall() -> np.ndarray:
    """The grey photograph of a wall in three equal channels, uint8 ``(512, 512, 3)``."""
    return np.asarray(Image.fromarray(data.brick()).convert("RGB"))


def latents(photograph: np.ndarray, size: tuple[int, int] | None = None) -> Tensor:
    """The generator's latents of a photograph, first scaled to ``size`` (width, height) if given."""
    picture = Image.fromarray(photograph)
    return generator().encode(np.asarray(picture if size is None else picture.resize(size)))


def paste(into: Tensor, what: Tensor, left: int, top: int, radii: tuple[float, float]) -> Tensor:
    """Latents with others blended in: an ellipse around the centre of ``what``, soft over its outer third."""
    height, width = what.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    away = (((x + 0.5 - width / 2) / radii[0]) ** 2 + ((y + 0.5 - height / 2) / radii[1]) ** 2).sqrt()
    weight = ((1.15 - away) / 0.3).clamp(0, 1)
    mixed = into.clone()
    region = mixed[:, :, top : top + height, left : left + width]
    region += weight * (what - region)
    return mixed


def cat_in_a_cup() -> np.ndarray:
    """A cat that looks out of a coffee cup, 600 x 400."""
    cat = latents(data.chelsea()[10:290, 30:370], (176, 144))
    return generator().paint(paste(latents(data.coffee()), cat, 24, 4, (9.5, 8.5)), "transposed")


def cat_on_a_wall() -> np.ndarray:
    """The head of a cat that grows out of a brick wall, 512 x 512."""
    cat = latents(data.chelsea()[:, 20:400], (336, 264))
    return generator().paint(paste(latents(brick_wall()), cat, 11, 14, (19, 15)), "nearest")


def two_cups() -> np.ndarray:
    """A cup of coffee with its own mirror image beside it, 600 x 400."""
    left = latents(data.coffee())
    right = latents(data.coffee()[:, ::-1])
    weight = torch.linspace(-14, 14, left.shape[3]).sigmoid()
    return generator().paint(
        left.roll(-18, dims=3) * (1 - weight) + right.roll(18, dims=3) * weight, "nearest"
    )


def whirl() -> np.ndarray:
    """The cup and its table drawn into a whirl, 600 x 400."""
    z = latents(data.coffee())
    height, width = z.shape[2:]
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    x = x * width / height
    turn = 2.6 * torch.exp(-2.2 * (x**2 + y**2))
    whirled_x = (x * turn.cos() - y * turn.sin()) * height / width
    whirled_y = x * turn.sin() + y * turn.cos()
    grid = torch.stack([whirled_x, whirled_y], dim=-1)[None]
    z = functional.grid_sample(z, grid, padding_mode="reflection", align_corners=True)
    return generator().paint(z, "transposed")


def latent_walk(frames: int = 84) -> list[np.ndarray]:
    """Frames of 384 x 384: the camera drifts while a cup turns into a cat and the cat into a wall."""
    stops = [
        latents(data.coffee()[:, 70:]),
        latents(data.chelsea(), (601, 400)),
        latents(brick_wall()),
    ]
    walk = []
    for at in np.linspace(0, 2, frames):
        here = min(int(at), 1)
        share = float(np.clip((at - here) * 2 - 0.5, 0, 1))
        # A drift by less than one latent cell is drawn by sampling between the cells.
        views = [_window(stop, 48, float(at) * 4) for stop in stops[here : here + 2]]
        walk.append(generator().paint(views[0] * (1 - share) + views[1] * share, "nearest"))
    return walk


def _window(z: Tensor, side: int, left: float) -> Tensor:
    whole = int(left)
    share = left - whole
    a, b = (z[:, :, :side, start : start + side] for start in (whole, whole + 1))
    return a * (1 - share) + b * share


def jpeg(picture: Callable[[], np.ndarray], quality: int = 90) -> Callable[[Path], None]:
    """Writes a JPEG with 4:2:0 colour, as cameras and phones do."""
    return lambda path: Image.fromarray(picture()).save(path, quality=quality)


def webp(picture: Callable[[], np.ndarray]) -> Callable[[Path], None]:
    """Writes a lossy WebP."""
    return lambda path: Image.fromarray(picture()).save(path, quality=88, method=6)


def recompressed(path: Path) -> None:
    """The cat at 85 % of its size and quality 55: what a network makes of a picture that is posted again."""
    cat = Image.fromarray(data.chelsea())
    cat.resize((383, 255), Image.Resampling.LANCZOS).save(path, quality=55)


def cat_gif(path: Path) -> None:
    """A pan over the cat, 12 frames."""
    write_gif(path, pan(data.chelsea(), (0, 0, 360, 270), (91, 30, 451, 300), (256, 192), 12))


def astronaut_video(path: Path) -> None:
    """A slow zoom on the portrait; 512 to 384 pixels wide, so that no frame is enlarged."""
    write_video(path, pan(data.astronaut(), (0, 0, 512, 512), (30, 0, 414, 384), (384, 384), 84))


def coffee_video(path: Path) -> None:
    """A pan over the cup, with speech."""
    speech = speak("One espresso, still hot. No sugar, please.", "en-gb")
    frames = pan(data.coffee(), (0, 0, 480, 320), (120, 80, 600, 400), (480, 320), 84)
    write_video(path, frames, speech[: 22050 * 84 // 24])


def generated_video(path: Path) -> None:
    """The latent walk."""
    write_video(path, latent_walk())


def damaged(path: Path) -> None:
    """A JPEG whose first 20 bytes are right and whose others were all flipped."""
    jpeg(data.coffee)(path)
    content = path.read_bytes()
    path.write_bytes(content[:20] + bytes(byte ^ 0x5A for byte in content[20:]))


def cut_short(path: Path) -> None:
    """The first 60 % of an MP4 whose index stands at its end: nothing of it can be decoded."""
    astronaut_video(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])


SAMPLES = (
    Sample("cat.jpg", "real photograph of a cat", CAT, CC0, jpeg(data.chelsea), "real", "cat"),
    Sample(
        "cat-again.jpg",
        "the same photograph, smaller and recompressed",
        CAT,
        CC0,
        recompressed,
        "real",
        "cat",
    ),
    Sample("cat-pan.gif", "animation: a pan over the same photograph", CAT, CC0, cat_gif, "real", "cat"),
    Sample(
        "coffee.jpg",
        "real photograph of a cup of coffee",
        COFFEE,
        CC0,
        jpeg(data.coffee, 88),
        "real",
        "coffee",
    ),
    Sample(
        "bricks.jpg",
        "real photograph of a brick wall, black and white",
        BRICKS,
        CC0,
        jpeg(data.brick),
        "real",
        "bricks",
    ),
    Sample(
        "gravel.jpg",
        "real photograph of gravel, black and white",
        GRAVEL,
        CC0,
        jpeg(data.gravel, 88),
        "real",
        "gravel",
    ),
    Sample(
        "astronaut.jpg",
        "real portrait photograph",
        ASTRONAUT,
        NASA,
        jpeg(data.astronaut),
        "real",
        "astronaut",
    ),
    Sample(
        "astronaut-zoom.mp4",
        "video with a face: a zoom on the portrait",
        ASTRONAUT,
        NASA,
        astronaut_video,
        "real",
        "astronaut",
    ),
    Sample(
        "coffee-pan.mp4",
        "video without a face, with speech: a pan over the photograph",
        f"{COFFEE}; speech by espeak-ng",
        f"{CC0}; speech {OURS}",
        coffee_video,
    ),
    Sample(
        "cat-in-a-cup.jpg",
        "generated image",
        GENERATED,
        GENERATED_LICENCE,
        jpeg(cat_in_a_cup),
        "fake",
        "cat-in-a-cup",
    ),
    Sample(
        "cat-on-a-wall.webp",
        "generated image",
        GENERATED,
        GENERATED_LICENCE,
        webp(cat_on_a_wall),
        "fake",
        "cat-on-a-wall",
    ),
    Sample(
        "two-cups.jpg",
        "generated image",
        GENERATED,
        GENERATED_LICENCE,
        jpeg(two_cups, 85),
        "fake",
        "two-cups",
    ),
    Sample("whirl.jpg", "generated image", GENERATED, GENERATED_LICENCE, jpeg(whirl), "fake", "whirl"),
    Sample(
        "turning.mp4",
        "generated video without sound",
        GENERATED,
        GENERATED_LICENCE,
        generated_video,
        "fake",
        "turning",
    ),
    Sample(
        "message-en.ogg",
        "synthesised English speech (Opus)",
        "spoken by espeak-ng",
        OURS,
        lambda path: write_audio(path, speak(ENGLISH, "en-us")),
        "fake",
        "message-en",
    ),
    Sample(
        "message-es.mp3",
        "synthesised Spanish speech",
        "spoken by espeak-ng",
        OURS,
        lambda path: write_audio(path, speak(SPANISH, "es")),
        "fake",
        "message-es",
    ),
    Sample("damaged.jpg", "corrupt: a JPEG with its content scrambled", COFFEE, CC0, damaged),
    Sample("cut-short.mp4", "corrupt: an MP4 that lost its end", ASTRONAUT, NASA, cut_short),
    Sample(
        "shopping-list.jpg",
        "mislabelled: plain text named .jpg",
        "written by hand",
        OURS,
        lambda path: path.write_text("milk\nbread\ntwo lemons\nthat good cheese\n", "utf-8"),
    ),
    Sample("empty.png", "a file of no bytes", "none", OURS, lambda path: path.write_bytes(b"")),
)

HEADER = """\
# Where the sample media come from

Written by `samples/make_samples.py`, which makes every file again. The photographs are the copies in
scikit-image's wheel; their licences are those that its documentation states. The generator was trained on
`data.chelsea()`, `data.coffee()` and `data.brick()` (Bricks25 of CC0Textures) alone, all CC0: no generated
picture shows a person.

| file in `inbox/media` | what | source | licence | SHA-256 |
|---|---|---|---|---|
"""


def main() -> None:
    """Write all files, then the page of sources with their hashes and the labels."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    out: Path = parser.parse_args().out
    if shutil.which("espeak-ng") is None:
        sys.exit("make_samples: espeak-ng speaks the messages; install it (Debian: `apt install espeak-ng`)")
    media = out / "inbox" / "media"
    media.mkdir(parents=True, exist_ok=True)
    rows = []
    for sample in SAMPLES:
        path = media / sample.file
        sample.write(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(f"| {sample.file} | {sample.what} | {sample.source} | {sample.licence} | `{sha256}` |\n")
        print(f"{path}: {path.stat().st_size:,} bytes")
    (out / "SOURCES.md").write_text(HEADER + "".join(rows), "utf-8")
    write_labels(out / "manifest.csv")


def write_labels(path: Path) -> None:
    """The labels of the files that have one, as `veritag evaluate` reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "source", "group"))
        for sample in SAMPLES:
            if sample.label:
                writer.writerow((f"inbox/media/{sample.file}", sample.label, "samples", sample.made_of))


if __name__ == "__main__":
    main()
