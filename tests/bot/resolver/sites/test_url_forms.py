"""Which URLs are whose: every form of every site, and those that only look like one."""

from __future__ import annotations

import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.router import site_of
from bot.resolver.sites.table import SITES
from bot.resolver.urls import place_of
from tests.bot.resolver.sites.replaying import site_for

X, TIK = "1697322795510759929", "7348189445943807262"
READ = {
    "short_links": [
        "https://www.reddit.com/r/lamps/s/AbCdEfGhIj",
        "https://www.reddit.com/media?url=https%3A%2F%2Fi.redd.it%2Fa.jpeg",
        "https://v.redd.it/lampvideo",
        "https://vm.tiktok.com/ZMabc123/",
        "https://vt.tiktok.com/ZSabc123",
        "https://www.tiktok.com/t/ZTabc123/",
        "https://www.instagram.com/share/reel/BAmadeUp",
        "https://fb.watch/abcDEF123/",
        "https://www.facebook.com/share/p/madeUp123/",
    ],
    "x": [
        f"https://x.com/ada/status/{X}", f"https://twitter.com/ada/status/{X}?s=20#m",
        f"http://www.twitter.com/ada/statuses/{X}/", f"https://mobile.x.com/ada/status/{X}/photo/2",
        f"https://X.COM./ada/status/{X}/video/1", f"https://x.com/i/web/status/{X}",
        f"https://x.com/i/status/{X}", f"https://x.com:443//ada/status/{X}",
    ],
    "bluesky": [
        "https://bsky.app/profile/ada.example/post/3kabcdefgh22a",
        "https://bsky.app/profile/did:plc:abcdefghijklmnopqrstuvwx/post/3kabcdefgh22a",
        "https://bsky.app/profile/did%3Aplc%3Aabcdefghijklmnopqrstuvwx/post/3kabcdefgh22a/",
    ],
    "truthsocial": [
        "https://truthsocial.com/@ada/113154381896339455",
        "https://www.truthsocial.com/@ada/posts/113154381896339455",
        "https://truthsocial.com/users/ada/statuses/113154381896339455",
    ],
    "reddit": [
        "https://www.reddit.com/r/lamps/comments/1abc2d/a_lamp/", "http://reddit.com/comments/1abc2d",
        "https://old.reddit.com/r/lamps/comments/1abc2d/a_lamp/kxyz123/?context=3",
        "https://new.reddit.com/user/ada/comments/1abc2d/a_lamp/", "https://np.reddit.com/r/lamps/comments/1abc2d",
        "https://redd.it/1abc2d", "https://www.reddit.com/1abc2d", "https://reddit.com//r/lamps/comments/1abc2d/x",
        "https://www.reddit.com/gallery/1abc2d",
    ],
    "tiktok": [
        f"https://www.tiktok.com/@ada.lamps/video/{TIK}?lang=en", f"https://www.tiktok.com/@ada/photo/{TIK}",
        f"https://m.tiktok.com/v/{TIK}.html", f"https://www.tiktok.com/embed/v2/{TIK}",
        f"https://www.tiktokv.com/share/video/{TIK}/",
    ],
    "instagram": [
        "https://www.instagram.com/p/C4madeUp_01/", "https://instagram.com/reel/C4madeUp_01/?igsh=made",
        "https://www.instagram.com/reels/C4madeUp_01", "https://m.instagram.com/tv/C4madeUp_01/",
        "https://www.instagram.com/ada.lamps/p/C4madeUp_01/", "https://instagr.am/p/C4madeUp_01",
        "https://www.instagram.com/p/C4madeUp_01/embed/captioned/",
    ],
    "facebook": [
        "https://www.facebook.com/photo/?fbid=717077590580168", "https://m.facebook.com/photo.php?fbid=717077590580168",
        "https://www.facebook.com/watch/?v=7058523417565227", "https://facebook.com/reel/7058523417565227",
        "https://web.facebook.com/ada/videos/a-lamp/7058523417565227/", "https://www.facebook.com/watch/live/?v=70585",
        "https://www.facebook.com/ada/posts/pfbid0madeUp",
        "https://www.facebook.com/groups/lamps/posts/12345678/",
        "https://www.facebook.com/permalink.php?story_fbid=pfbid0madeUp&id=1",
        "https://www.facebook.com/ada/photos/a.1/717077590580168/",
    ],
    "google_drive": [
        "https://drive.google.com/file/d/1madeUpFileIdentity/view?usp=sharing",
        "https://drive.google.com/file/d/1madeUpFileIdentity", "https://drive.google.com/open?id=1madeUpFileIdentity",
        "https://drive.google.com/uc?export=download&id=1madeUpFileIdentity",
        "https://drive.google.com/file/u/1/d/1madeUpFileIdentity/edit", "https://docs.google.com/uc?id=1madeUpFileIdentity",
        "https://drive.google.com/u/0/uc?id=1madeUpFileIdentity",
    ],
    "bitchute": [
        "https://www.bitchute.com/video/hLTrv5iA1wYf/", "https://bitchute.com/embed/hLTrv5iA1wYf",
        "http://old.bitchute.com/video/hLTrv5iA1wYf/?x=1",
    ],
    "youtube": [
        "https://www.youtube.com/watch?v=0xWyP1UxOR8&t=3s", "https://youtu.be/0xWyP1UxOR8",
        "https://m.youtube.com/shorts/0xWyP1UxOR8", "https://music.youtube.com/watch?v=0xWyP1UxOR8",
        "https://www.youtube-nocookie.com/embed/0xWyP1UxOR8", "https://www.youtube.com/live/0xWyP1UxOR8",
    ],
    "telegram": [
        "https://t.me/lampnews/613", "https://t.me/s/lampnews/613", "https://telegram.me/lampnews/613?single",
        "https://t.me/lampgroup/12/613",
    ],
    "mastodon": [
        "https://lamps.example/@ada/111728190835688257", "https://far.example/@ada@lamps.example/99",
        "https://lamps.example/users/ada/statuses/1", "https://lamps.example/web/statuses/1",
        "https://lamps.example/notice/AbC123", "https://lamps.example/web/@ada/1", "https://LAMPS.example/%40ada/1",
    ],
    "web": [
        "https://news.example/story", "https://i.redd.it/lamp1.jpeg", "https://v.redd.it/lampvideo/DASH_480.mp4",
        "https://www.reddit.com/lamp.JPG", "https://pbs.twimg.com/media/Made1.jpg", "http://news.example:80/",
    ],
}  # fmt: skip
FORMS = [(site, url) for site, urls in READ.items() for url in urls]
NO_POSTS = [
    "https://x.com/ada", "https://x.com/ada/status/", "https://x.com/ada/status/12x", "https://x.com/",
    f"https://x.com/a/b/status/{X}", f"https://x.com/evil.example/?https://x.com/ada/status/{X}",
    "https://bsky.app/profile/ada.example", "https://bsky.app/profile/ada.example/feed/3kabc",
    "https://truthsocial.com/@ada", "https://www.reddit.com/r/lamps/", "https://www.reddit.com/",
    "https://www.reddit.com/media?url=file%3A%2F%2F%2Fetc%2Fpasswd", "https://www.reddit.com/r/lamps/comments/",
    "https://www.tiktok.com/@ada", "https://www.tiktok.com/tag/lamps", "https://www.instagram.com/ada.lamps/",
    "https://www.instagram.com/explore/tags/lamps/", "https://www.facebook.com/ada", "https://www.facebook.com/",
    "https://www.facebook.com/photo/?fbid=x", "https://drive.google.com/drive/folders/1madeUpFileIdentity",
    "https://docs.google.com/document/d/1madeUpFileIdentity/edit", "https://www.bitchute.com/channel/lamps/",
    "https://www.youtube.com/@lamps", "https://www.youtube.com/playlist?list=PL123",
    "https://www.youtube.com/watch?v=short", "https://t.me/lampnews", "https://t.me/joinchat/AAAA",
]  # fmt: skip
LOOK_ALIKES = [
    f"https://x.com.example.org/ada/status/{X}", f"https://notx.com/ada/status/{X}",
    f"https://evil.example/https://x.com/ada/status/{X}", f"https://evil.example/?u=https://x.com/ada/status/{X}",
    f"https://evil.example/#https://x.com/ada/status/{X}", f"https://x.com-evil.example/ada/status/{X}",
    "https://notreddit.com/r/lamps/comments/1abc2d/x/", "https://reddit.com.evil.example/r/l/comments/1abc2d/",
    "https://evilredd.it/1abc2d", "https://www.tiktok.com.evil.example/t/ZTabc123/",
    "https://nottiktok.com/@ada/video/7348189445943807262", "https://evil.example/www.instagram.com/p/C4madeUp_01/",
    "https://wwwinstagram.com/p/C4madeUp_01/", "https://facebook.com.evil.example/reel/7058523417565227",
    "https://drive.google.com.evil.example/file/d/1madeUpFileIdentity/view", "https://mybitchute.com/video/hLTrv5iA1wYf/",
    "https://youtube.com.evil.example/watch?v=0xWyP1UxOR8", "https://t.me.evil.example/lampnews/613",
    "https://bsky.app.evil.example/profile/ada.example/post/3kabcdefgh22a",
    f"https://\u0445.com/ada/status/{X}", f"https://xn--x-8ib.com/ada/status/{X}",
]  # fmt: skip
UNREADABLE = [
    f"https://x.com@evil.example/ada/status/{X}", f"https://user:word@x.com/ada/status/{X}",
    f"https://evil.example\\@x.com/ada/status/{X}", f"https://x.com\\.evil.example/ada/status/{X}",
    f"https://x.com /ada/status/{X}", f"https://x.\tcom/ada/status/{X}", f"ftp://x.com/ada/status/{X}",
    "https://[x.com/ada/status/1", f"https://x.com:8443/ada/status/{X}",
    "https://x.com:port/ada/status/1", "javascript://x.com/%0aada/status/1", "",
    "x.com/ada/status/1", "//x.com/ada/status/1", "https://", f"https://\uff58.com/ada/status/{X}",
]  # fmt: skip


@pytest.mark.parametrize(("site", "url"), FORMS)
def test_every_form_is_taken_and_understood(site: str, url: str) -> None:
    assert site_for(url) == site
    place = place_of(url)
    assert place is not None
    understands = getattr(site_of(site), "parts", None)
    assert understands is None or understands(place) is not None


@pytest.mark.parametrize("url", NO_POSTS)
def test_what_is_no_post_of_a_known_site_is_left_to_no_other(url: str) -> None:
    place = place_of(url)
    assert place is not None
    name = site_for(url)
    assert name not in {None, "web", "mastodon"}
    with pytest.raises(ResolveError) as caught:
        site_of(name or "").parts(place)  # type: ignore[attr-defined]
    assert caught.value.reason in {ResolveFailure.NO_MEDIA, ResolveFailure.PRIVATE}


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_look_alikes_are_nobodys(url: str) -> None:
    assert site_for(url) == "web"


@pytest.mark.parametrize("url", UNREADABLE)
def test_urls_that_programs_read_in_two_ways_are_no_urls(url: str) -> None:
    assert site_for(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://tiktok.example/@ada/video/1", "https://medium.example/@ada/a-story-1a2b3c", "https://h.example/@/1",
        "https://localhost/@ada/1", "https://youtube.example/@ada/videos", "https://h.example/@ada/1/reblogs",
        "https://h.example/x/@ada/1", "https://h.example/users/ada/statuses/", "https://h.example:3000/@ada/1",
    ],
)  # fmt: skip
def test_paths_that_are_none_of_mastodons(url: str) -> None:
    assert site_for(url) == "web"


def test_names_and_hosts_belong_to_one_site_only() -> None:
    hosts = [host for record in SITES for host in record.hosts]
    assert len(hosts) == len(set(hosts))
    assert all(host == host.lower().strip(".") and host.isascii() for host in hosts)
    assert len({record.name for record in SITES}) == len(SITES)
    assert set(READ) == {record.name for record in SITES}


@pytest.mark.parametrize("record", SITES, ids=lambda record: record.name)
def test_every_route_of_a_record_has_its_function(record: object) -> None:
    from bot.resolver.sites.table import SiteRecord

    assert isinstance(record, SiteRecord)
    routes = site_of(record.name).routes
    assert {route.name for route in record.routes} - {"yt_dlp"} <= set(routes)
    assert set(routes) - {"yt_dlp"} <= {route.name for route in record.routes}


@pytest.mark.parametrize("length", [8_000, 60_000])
@pytest.mark.parametrize(
    "start", ["https://x.com/", "https://lamps.example/@", "https://www.facebook.com/a/videos/"]
)
def test_long_urls_are_answered_at_once(start: str, length: int) -> None:
    for filling in ("a", "/", "@", "a/", "1"):
        assert site_for(start + filling * length) is not None
