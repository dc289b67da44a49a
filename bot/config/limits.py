"""Settings of the two rooms that handle strangers' files: the guarded fetcher and the engine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.config.base import Bytes, Folder, LowerCase, Names, Networks, Seconds, Section, Share, Unit


class Fetch(Section):
    """The guarded fetcher: limits on downloads from strangers' links."""

    max_bytes: Annotated[Bytes, Field(ge=1, le=10_000_000_000, description="Largest download.")] = 200_000_000
    connect_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest wait to connect.")] = 10.0
    read_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest silence of a server.")] = 20.0
    total_timeout: Annotated[
        Seconds, Field(gt=0, le=3600, description="Longest whole download, redirects included.")
    ] = 180.0
    min_rate: Annotated[
        int, Unit("bytes per second"), Field(ge=1, le=10_000_000, description="Slower servers are given up.")
    ] = 4096
    max_redirects: Annotated[
        int, Unit("redirects"), Field(ge=0, le=20, description="Redirects followed.")
    ] = 10
    per_host: Annotated[
        int, Unit("connections"), Field(ge=1, le=64, description="Downloads from one host at the same time.")
    ] = 4
    host_interval: Annotated[
        Seconds, Field(ge=0, le=60, description="Least time between the starts of two requests to a host.")
    ] = 0.1
    attempts: Annotated[
        int, Unit("tries"), Field(ge=1, le=10, description="Tries of one download before the step waits.")
    ] = 3
    user_agent: Annotated[
        str,
        Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$", description="User-Agent of requests."),
    ] = "Veritag"
    ports: Annotated[
        list[Annotated[int, Field(ge=1, le=65_535)]],
        Field(min_length=1, description="Ports that may be asked."),
    ] = Field(default_factory=lambda: [80, 443])
    allow_networks: Annotated[
        Networks,
        Field(description="Networks of yours that may be asked although they are not public."),
    ] = Field(default_factory=list)


class Analysis(Section):
    """The engine: detectors, policy, and limits on what is decoded."""

    policy: Annotated[
        Literal["calibrated", "vote"],
        LowerCase,
        Field(description="How scores become a verdict: by measured evidence, or by the published vote."),
    ] = "calibrated"
    detectors: Annotated[
        Names, Field(min_length=1, description="Detectors that take part; see `veritag detectors`.")
    ] = Field(default_factory=lambda: ["veritag_image", "veritag_face", "veritag_speech"])
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        LowerCase,
        Field(description="Where networks run; auto takes a GPU where there is one."),
    ] = "auto"
    backend: Annotated[
        Literal["auto", "torch", "openvino"],
        LowerCase,
        Field(
            description="Who runs networks on a processor; auto measures once, and takes the fastest that is "
            "proven equal."
        ),
    ] = "auto"
    exact: Annotated[
        bool,
        Field(
            description="Full precision (logits within 1e-4 of plain torch), and faces looked for in whole "
            "frames: slower."
        ),
    ] = False
    sampling: Annotated[
        Literal["keyframes", "linspace", "published"],
        LowerCase,
        Field(
            description="Which frames of a video: those that need no others where there are enough, evenly "
            "spaced ones, or GenConViT's published choice."
        ),
    ] = "keyframes"
    threads: Annotated[int, Unit("threads"), Field(ge=1, le=256, description="Threads of the networks.")] = 2
    decode_workers: Annotated[
        int, Unit("processes"), Field(ge=1, le=64, description="Media that are decoded at the same time.")
    ] = 1
    max_bytes: Annotated[Bytes, Field(ge=1, le=10_000_000_000, description="Largest file judged.")] = (
        200_000_000
    )
    max_pixels: Annotated[
        int, Unit("pixels"), Field(ge=4096, le=2_000_000_000, description="Largest picture or video frame.")
    ] = 100_000_000
    max_duration: Annotated[
        Seconds, Field(gt=0, le=86_400, description="Longest video or sound that is judged.")
    ] = 1800.0
    frames_per_video: Annotated[
        int, Unit("frames"), Field(ge=1, le=256, description="Evenly spaced frames taken from a video.")
    ] = 15
    frames_in_a_row: Annotated[
        int,
        Unit("frames"),
        Field(ge=32, le=4096, description="First frames of a video for detectors that watch how faces move."),
    ] = 256
    face_clip_stride: Annotated[
        int,
        Unit("frames"),
        Field(
            ge=0,
            le=1024,
            description="From one clip of a face to the next; 1 scores every clip as published, up to 64 "
            "times as long; 0 leaves it to each detector.",
        ),
    ] = 0
    decode_seconds: Annotated[
        Seconds,
        Field(gt=0, le=3600, description="Longest decoding of one medium; then its decoder is ended."),
    ] = 60.0
    decode_memory_mb: Annotated[
        int, Unit("megabytes"), Field(ge=256, le=262_144, description="Most address space of a decoder.")
    ] = 4096
    trust_anchors: Annotated[
        Folder | None,
        Field(description="Certificates (PEM) of those whose content credentials (C2PA) are believed."),
    ] = None
    recognise_copies: Annotated[
        bool,
        Field(
            description="Whether pictures and clips that were encoded or scaled again are answered from the "
            "analysis of the copy that was judged first."
        ),
    ] = True
    redelivery: Annotated[
        bool,
        Field(
            description="Judge a recompressed and a smaller copy, too, where the verdict is `high` or `low`; "
            "one that flips turns `uncertain`."
        ),
    ] = True
    high_false_alarms: Annotated[
        Share, Field(description="Share of real media that may at most be measured in the band `high`.")
    ] = 0.05
    low_misses: Annotated[
        Share, Field(description="Share of fake media that may at most be measured in the band `low`.")
    ] = 0.2
