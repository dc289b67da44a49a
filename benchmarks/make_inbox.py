"""Makes an inbox of any size for throughput measurements, in the format of the platform `inbox`.

    python benchmarks/make_inbox.py FOLDER [--mentions 10000] [--media 500] [--askers 10000] [--seed 1]

Every mention asks about its own post, which carries one of the media; these are valid PNGs of 64 x 64 pixels
with distinct bytes. The mentions end now and stand a second apart, so that no age limit leaves them out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SIDE = 64


def write_media(folder: Path, count: int, seed: int) -> None:
    """``count`` PNGs of coarse coloured noise; a number in each makes its bytes distinct for sure."""
    folder.mkdir(parents=True)
    noise = random.Random(seed)
    for number in range(count):
        picture = Image.frombytes("RGB", (16, 16), noise.randbytes(16 * 16 * 3)).resize((SIDE, SIDE))
        info = PngInfo()
        info.add_text("number", str(number))
        content = BytesIO()
        picture.save(content, "PNG", pnginfo=info, compress_level=1)
        (folder / f"{number}.png").write_bytes(content.getvalue())


def write_posts(inbox: Path, mentions: int, media: int, askers: int) -> None:
    """One post and one mention of the bot under it for each number below ``mentions``."""
    (inbox / "posts").mkdir()
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=mentions)
    with (inbox / "mentions.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(mentions):
            at = (begin + timedelta(seconds=number)).isoformat()
            post = {
                "id": f"p{number}",
                "author": _account("author", number % 100),
                "created_at": at,
                "text": f"Picture {number}.",
                "language": "en",
                "attachments": [{"file": f"media/{number % media}.png", "mime": "image/png"}],
            }
            mention = {
                "id": f"m{number}",
                "author": _account("asker", number % askers),
                "created_at": at,
                "text": "@veritag is this real?",
                "language": "en",
                "parent_id": post["id"],
            }
            (inbox / "posts" / f"p{number}.json").write_text(json.dumps(post), "utf-8")
            lines.write(json.dumps(mention) + "\n")


def make_inbox(inbox: Path, *, mentions: int, media: int, askers: int, seed: int) -> None:
    """Fill a new or empty folder.

    Raises:
        FileExistsError: the folder has something in it.
    """
    if inbox.exists() and any(inbox.iterdir()):
        raise FileExistsError(f"{inbox} is not empty; name a new folder")
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "account.json").write_text(json.dumps({"id": "acct-veritag", "handle": "veritag"}), "utf-8")
    write_media(inbox / "media", media, seed)
    write_posts(inbox, mentions, media, askers)


def _account(role: str, number: int) -> dict[str, str]:
    return {"id": f"acct-{role}-{number}", "handle": f"{role}{number}.example"}


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> int:
    """The command; exit 2 where the folder cannot be used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mentions", type=_positive, default=10_000)
    parser.add_argument(
        "--media", type=_positive, default=500, help="distinct media, each used again in turn"
    )
    parser.add_argument("--askers", type=_positive, default=10_000, help="distinct accounts that ask")
    parser.add_argument("--seed", type=int, default=1, help="of the pictures' noise")
    arguments = parser.parse_args()
    try:
        make_inbox(
            arguments.folder,
            mentions=arguments.mentions,
            media=arguments.media,
            askers=arguments.askers,
            seed=arguments.seed,
        )
    except OSError as error:
        print(f"make_inbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
