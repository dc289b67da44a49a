"""Chains by the habits of platforms.

They imitate the sizes, formats and qualities that such services typically hand out, spread widely because
they change; **they are not measurements of those services.** Every preset draws all its parameters at once,
so that the chain it gives treats a real medium and its fake alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from numpy.random import Generator
from PIL import Image

from detectors.base import Modality
from detectors.errors import GenerationError
from detectors.generation.base import Pixels, Sound
from detectors.generation.laundering import pictures as pic
from detectors.generation.laundering import sound as snd
from detectors.generation.laundering.base import Chain, Step
from detectors.generation.laundering.screens import Caption, Screenshot, Shape, Sticker, Theme
from detectors.generation.laundering.video import FrameGrab

ANY = "any"
T = TypeVar("T")

PictureSteps = list[Step[Pixels]]
SoundSteps = list[Step[Sound]]

_RESAMPLINGS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_THEMES: tuple[Theme, ...] = ("light", "dark")
_SHAPES: tuple[Shape, ...] = ("smile", "heart", "star", "arrow")
_WORDS = (
    "BREAKING",
    "is this real?",
    "LIVE",
    "watch till the end",
    "2024",
    "share!",
    "wow",
    "@someone",
    "no way",
)
_COLOURS = ((255, 255, 255), (255, 221, 51), (226, 36, 59), (29, 155, 240), (20, 20, 20))


def pick(rng: Generator, values: Sequence[T]) -> T:
    """One of some values, all equally likely."""
    return values[int(rng.integers(len(values)))]


def _number(rng: Generator, low: float, high: float) -> float:
    """A number between two, with few digits for the manifest."""
    return round(float(rng.uniform(low, high)), 4)


def _quality(rng: Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _seed(rng: Generator) -> int:
    return int(rng.integers(2**32))


def _fit(rng: Generator, *longest: int) -> pic.Fit:
    return pic.Fit(pick(rng, longest), pick(rng, _RESAMPLINGS))


def _jpeg(rng: Generator, low: int, high: int, subsamplings: Sequence[str] = ("4:2:0",)) -> pic.Jpeg:
    return pic.Jpeg(_quality(rng, low, high), pick(rng, subsamplings), bool(rng.random() < 0.5))


def _like_x(rng: Generator) -> PictureSteps:
    steps: PictureSteps = [_fit(rng, 4096, 2048, 1200, 900, 680), _jpeg(rng, 82, 88)]
    return steps if rng.random() < 0.8 else [*steps, pic.WebP(_quality(rng, 75, 88))]


def _like_facebook(rng: Generator) -> PictureSteps:
    return [_fit(rng, 2048, 1440, 960, 720), pic.Sharpen(0.6, 40), _jpeg(rng, 68, 86)]


def _like_instagram(rng: Generator) -> PictureSteps:
    edges = (0.0, 0.0, 0.05, 0.1)
    sides, ends = pick(rng, edges), pick(rng, edges)
    tone = [_tone(rng)] if rng.random() < 0.4 else []
    return [*tone, pic.Crop(sides, ends, sides, ends), _fit(rng, 1440, 1080, 750, 640), _jpeg(rng, 70, 86)]


def _like_whatsapp(rng: Generator) -> PictureSteps:
    return [_fit(rng, 2560, 1600, 1600, 1280), _jpeg(rng, 60, 82)]


def _like_telegram(rng: Generator) -> PictureSteps:
    return [_fit(rng, 2560, 1280, 1280, 800), _jpeg(rng, 80, 90)]


def _like_reddit(rng: Generator) -> PictureSteps:
    last = pic.WebP(_quality(rng, 70, 85)) if rng.random() < 0.6 else _jpeg(rng, 75, 90)
    return [_jpeg(rng, 80, 95), _fit(rng, 1080, 960, 640), last]


def _like_bluesky(rng: Generator) -> PictureSteps:
    last = pic.Avif(_quality(rng, 50, 75)) if rng.random() < 0.2 else _jpeg(rng, 70, 85)
    return [_fit(rng, 2000), _jpeg(rng, 80, 92), _fit(rng, 2000, 1000), last]


def _like_tiktok(rng: Generator) -> PictureSteps:
    position = int(rng.integers(4))
    return [_fit(rng, 1280, 1024), FrameGrab(_quality(rng, 20, 33), position), _jpeg(rng, 75, 92)]


def _screenshot(rng: Generator) -> PictureSteps:
    width = pick(rng, (390, 540, 720, 1080))
    bars = (0, round(width * 0.12), round(width * 0.18))
    screen = Screenshot(width, pick(rng, bars), pick(rng, bars), pick(rng, _THEMES), pick(rng, _RESAMPLINGS))
    return [screen, _jpeg(rng, 70, 92)]  # the PNG between loses nothing


def _meme(rng: Generator) -> PictureSteps:
    steps: PictureSteps = []
    kinds = rng.permutation(3)[: int(rng.integers(1, 4))]
    for kind in kinds:
        x, y = _number(rng, 0.2, 0.8), _number(rng, 0.1, 0.9)
        if kind == 0:
            steps.append(Caption(pick(rng, _WORDS), x, y, _number(rng, 0.05, 0.12), pick(rng, _COLOURS)))
        elif kind == 1:
            steps.append(Sticker(pick(rng, _SHAPES), x, y, _number(rng, 0.08, 0.25), pick(rng, _COLOURS)))
        else:
            opacity = _number(rng, 0.2, 0.6)
            steps.append(
                Caption(
                    pick(rng, _WORDS), x, y, _number(rng, 0.04, 0.1), (255, 255, 255), opacity, outline=False
                )
            )
    return [*steps, _fit(rng, 1280, 1080, 720), _jpeg(rng, 65, 90)]


def _forwarded(rng: Generator) -> PictureSteps:
    steps: PictureSteps = []
    for _ in range(int(rng.integers(2, 5))):
        steps += [pic.Rescale(_number(rng, 0.8, 1.1), pick(rng, _RESAMPLINGS)), _jpeg(rng, 55, 90)]
    return steps


def _levelled(rng: Generator) -> PictureSteps:
    steps: PictureSteps = []
    if rng.random() < 0.5:
        steps.append(pic.Rescale(_number(rng, 0.7, 1.3), pick(rng, _RESAMPLINGS)))
    if rng.random() < 0.2:
        steps.append(pic.Blur(_number(rng, 0.3, 1.2)))
    if rng.random() < 0.2:
        steps.append(pic.Noise(_number(rng, 1, 6), _seed(rng)))
    if rng.random() < 0.1:
        steps.append(_tone(rng))
    return [*steps, _jpeg(rng, 60, 98, pic.SUBSAMPLINGS)]


def _tone(rng: Generator) -> pic.Tone:
    return pic.Tone(_number(rng, 0.9, 1.1), _number(rng, 0.9, 1.15), _number(rng, 0.8, 1.25))


def _voice_note(rng: Generator) -> SoundSteps:
    return [snd.Gain(_number(rng, -6, 3)), snd.Opus(pick(rng, (12_000, 16_000, 20_000, 24_000)))]


def _video_sound(rng: Generator) -> SoundSteps:
    return [snd.Aac(pick(rng, (48_000, 64_000, 96_000)), pick(rng, (22_050, 24_000, 32_000)))]


def _podcast(rng: Generator) -> SoundSteps:
    return [
        snd.Gain(_number(rng, -3, 6)),
        snd.Mp3(pick(rng, (32_000, 48_000, 64_000)), pick(rng, (22_050, 24_000))),
    ]


def _phone_call(rng: Generator) -> SoundSteps:
    line = snd.Telephone(pick(rng, snd.LAWS))
    return [snd.Hiss(_number(rng, 45, 60), _number(rng, 0, 1), _seed(rng)), line]


def _played_aloud(rng: Generator) -> SoundSteps:
    return [
        snd.Room(_number(rng, 0.15, 0.7), _number(rng, 0.05, 0.5), _seed(rng)),
        snd.Hiss(_number(rng, 35, 55), _number(rng, 0, 2), _seed(rng)),
        snd.Aac(64_000),
    ]


def _levelled_sound(rng: Generator) -> SoundSteps:
    steps: SoundSteps = [snd.Gain(_number(rng, -9, 3))]
    if rng.random() < 0.3:
        steps.append(snd.Room(_number(rng, 0.1, 0.5), _number(rng, 0.02, 0.3), _seed(rng)))
    if rng.random() < 0.5:
        steps.append(snd.Hiss(_number(rng, 45, 70), _number(rng, 0, 2), _seed(rng)))
    codecs: SoundSteps = [
        snd.Opus(pick(rng, (16_000, 24_000, 32_000))),
        snd.Mp3(pick(rng, (32_000, 48_000, 64_000))),
        snd.Aac(pick(rng, (48_000, 64_000))),
    ]
    return [*steps, pick(rng, codecs)]


@dataclass(frozen=True, slots=True)
class Preset:
    """What a name stands for; None where it has no habit for that kind of media."""

    summary: str
    picture: Callable[[Generator], PictureSteps] | None = None
    sound: Callable[[Generator], SoundSteps] | None = None


PRESETS = {
    "forwarded": Preset("scaled and encoded two to four times over", picture=_forwarded),
    "levelled": Preset("one random scaling, then one random encoding", _levelled, _levelled_sound),
    "like_bluesky": Preset("2,000 px, JPEG, then a JPEG or AVIF view", _like_bluesky, _video_sound),
    "like_facebook": Preset("2,048 px and less, sharpened, JPEG 68-86", _like_facebook, _video_sound),
    "like_instagram": Preset("filter, crop, 1,440 px and less, JPEG 70-86", _like_instagram, _video_sound),
    "like_reddit": Preset("JPEG, then a WebP or JPEG preview", _like_reddit, _video_sound),
    "like_telegram": Preset("1,280 px mostly, JPEG 80-90; Opus voice notes", _like_telegram, _voice_note),
    "like_tiktok": Preset("a frame of H.264, then JPEG; AAC", _like_tiktok, _video_sound),
    "like_whatsapp": Preset("1,600 px mostly, JPEG 60-82; Opus voice notes", _like_whatsapp, _voice_note),
    "like_x": Preset("680 to 4,096 px, JPEG 82-88, some WebP; AAC", _like_x, _video_sound),
    "meme": Preset("captions, stickers, watermarks, then JPEG", picture=_meme),
    "phone_call": Preset("noise and a telephone line", sound=_phone_call),
    "played_aloud": Preset("a room, noise, AAC", sound=_played_aloud),
    "podcast": Preset("MP3 of 32 to 64 kbit/s", sound=_podcast),
    "screenshot": Preset("an app around it, a screen's size, then JPEG", picture=_screenshot),
}


def presets(modality: Modality) -> tuple[str, ...]:
    """Names of the presets that know what to do with pictures (IMAGE) or sounds (AUDIO), sorted."""
    return tuple(name for name in sorted(PRESETS) if _draw_of(name, modality) is not None)


def picture_chain(rng: Generator, preset: str = ANY) -> Chain[Pixels]:
    """Draw a chain for pictures; `ANY` draws the preset too.

    Raises:
        GenerationError: no such preset, or it has nothing for pictures.
    """
    name = _resolve(rng, preset, Modality.IMAGE)
    draw = PRESETS[name].picture
    assert draw is not None
    return Chain(name, tuple(draw(rng)))


def sound_chain(rng: Generator, preset: str = ANY) -> Chain[Sound]:
    """Draw a chain for sounds; raises as `picture_chain` does."""
    name = _resolve(rng, preset, Modality.AUDIO)
    draw = PRESETS[name].sound
    assert draw is not None
    return Chain(name, tuple(draw(rng)))


def require(preset: str, modality: Modality) -> None:
    """See that a preset is one for such media.

    Raises:
        GenerationError: no such preset, or it has nothing for them.
    """
    known = presets(modality)
    if preset != ANY and preset not in known:
        raise GenerationError(
            f"there is no laundering {preset!r} for {modality.value}; known: {', '.join((ANY, *known))}"
        )


def _resolve(rng: Generator, preset: str, modality: Modality) -> str:
    require(preset, modality)
    return pick(rng, presets(modality)) if preset == ANY else preset


def _draw_of(name: str, modality: Modality) -> object:
    return PRESETS[name].picture if modality is Modality.IMAGE else PRESETS[name].sound
