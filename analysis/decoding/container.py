"""Opening video and sound containers through PyAV, with every other reader of libavformat locked out.

Runs in the decoding child only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Kind, Probe
from analysis.sniff import FileType

FrameT = TypeVar("FrameT", VideoFrame, AudioFrame)

# What PyAV raises on broken bytes. `av.error.MemoryError` is among the first, so it is let through by hand.
UNREADABLE = (av.error.FFmpegError, ValueError, EOFError, OSError)

# Decoders of what people post; the several hundred others of libavcodec stay shut.
_VIDEO_CODECS = """
    h264 hevc vp8 vp9 av1 libdav1d mpeg4 h263 mpeg1video mpeg2video mjpeg theora prores dnxhd vc1 wmv3 wmv2
    wmv1 msmpeg4 msmpeg4v1 msmpeg4v2 flv vp6 vp6f ffv1 rawvideo png
"""
_AUDIO_CODECS = """
    aac aac_latm mp3 mp3float mp2 mp2float mp1 mp1float opus libopus vorbis flac alac ac3 eac3 amrnb amrwb
    libopencore_amrnb libopencore_amrwb wmav1 wmav2 wmapro adpcm_ima_wav adpcm_ms adpcm_ima_qt gsm_ms
    pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_u8 pcm_s8 pcm_f32le pcm_f32be pcm_f64le
    pcm_f64be pcm_alaw pcm_mulaw
"""
CODECS = frozenset((_VIDEO_CODECS + _AUDIO_CODECS).split())
_ENCRYPTED_TAGS = {"encv", "enca", "encs", "drmi", "drms"}


def open_container(path: str, file_type: FileType, limits: Limits) -> InputContainer:
    """Open a container with the one demuxer of its sniffed type; nothing else may be opened through it.

    Raises:
        MediumRefused: CORRUPT, TOO_MANY_STREAMS.
        MemoryError: the child's memory limit.
    """
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": file_type.demuxer or "",
        "codec_whitelist": ",".join(sorted(CODECS)),
        "max_pixels": str(limits.max_pixels),
    }
    try:
        container = av.open(path, format=file_type.demuxer, options=options)
    except MemoryError:
        raise
    except UNREADABLE as error:
        raise MediumRefused(Refusal.CORRUPT, f"the container cannot be read ({_brief(error)})") from error
    if len(container.streams) > limits.max_streams:
        count = len(container.streams)
        container.close()
        raise MediumRefused(
            Refusal.TOO_MANY_STREAMS, f"the file has {count} streams; the limit is {limits.max_streams}"
        )
    return container


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first moving-picture stream; cover art and thumbnails are none."""
    stills = Disposition.attached_pic | Disposition.timed_thumbnails
    return next((stream for stream in container.streams.video if not stream.disposition & stills), None)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The first sound stream."""
    return next(iter(container.streams.audio), None)


def readable_frames(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    kind: type[FrameT],
    only: Collection[int] | None = None,
    without: Collection[int] = (),
) -> Iterator[FrameT]:
    """Every frame that can be decoded; broken packets are passed over, a broken container ends it.

    Args:
        only: times of the packets that are decoded, the others being left out; None: all.
        without: times of packets that are left out.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except MemoryError:
            raise
        except (StopIteration, *UNREADABLE):
            return
        if packet.size and (packet.pts in without or (only is not None and packet.pts not in only)):
            continue
        try:
            decoded = packet.decode()
        except MemoryError:
            raise
        except UNREADABLE:
            continue
        yield from (frame for frame in decoded if isinstance(frame, kind))


def probe_container(container: InputContainer, file_type: FileType, size: int, limits: Limits) -> Probe:
    """Describe an open container from its headers; the size is before rotation, which frames carry.

    Raises:
        MediumRefused: ENCRYPTED, UNSUPPORTED, CORRUPT, TOO_MANY_PIXELS, TOO_LONG.
    """
    video, audio = video_stream(container), audio_stream(container)
    if video is None and audio is None:
        raise MediumRefused(Refusal.UNSUPPORTED, "the container holds neither pictures nor sound")
    for stream in (video, audio):
        if stream is not None:
            _check_codec(stream)
            _check_first_packet(container, stream)
    duration = _duration(container, video or audio)
    if duration is not None and duration > limits.max_duration:
        raise MediumRefused(
            Refusal.TOO_LONG, f"the medium lasts {duration:.0f} s; the limit is {limits.max_duration:.0f} s"
        )
    if video is None:
        assert audio is not None
        mime = file_type.mime.replace("video/", "audio/")
        codec = audio.codec_context.name
        return Probe(Kind.AUDIO, mime, size, duration=duration, has_audio=True, codec=codec)
    return _probe_video(video, file_type, size, duration, audio is not None, limits)


def _probe_video(
    video: VideoStream,
    file_type: FileType,
    size: int,
    duration: float | None,
    has_audio: bool,
    limits: Limits,
) -> Probe:
    width, height = video.codec_context.width, video.codec_context.height
    if not width or not height:
        raise MediumRefused(Refusal.CORRUPT, "the video's headers give no picture size")
    if width * height > limits.max_pixels:
        raise MediumRefused(
            Refusal.TOO_MANY_PIXELS,
            f"the video has {width}x{height} pixels; the limit is {limits.max_pixels}",
        )
    rate = float(video.average_rate) if video.average_rate else None
    frames = video.frames or (round(duration * rate) if duration and rate else None)
    mime = file_type.mime.replace("audio/", "video/")
    codec = video.codec_context.name
    return Probe(Kind.VIDEO, mime, size, width, height, duration, frames, rate, has_audio, codec)


def _check_codec(stream: VideoStream | AudioStream) -> None:
    context = stream.codec_context
    if context is not None and context.codec_tag in _ENCRYPTED_TAGS:
        raise MediumRefused(Refusal.ENCRYPTED, "the medium is encrypted")
    if context is None or context.name not in CODECS:
        name = "unknown" if context is None else context.name
        raise MediumRefused(Refusal.UNSUPPORTED, f"codec {name} cannot be judged")


def _check_first_packet(container: InputContainer, stream: VideoStream | AudioStream) -> None:
    """Common encryption leaves the headers as they were, and marks the packets."""
    try:
        packet = next(container.demux(stream), None)
    except MemoryError:
        raise
    except UNREADABLE:
        return  # for the decoders to say how much can be read
    if packet is not None and packet.has_sidedata("encryption_info"):
        raise MediumRefused(Refusal.ENCRYPTED, "the medium is encrypted")


def _duration(container: InputContainer, stream: VideoStream | AudioStream | None) -> float | None:
    if container.duration is not None and container.duration > 0:
        return float(container.duration / av.time_base)
    if stream is not None and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None


def _brief(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
