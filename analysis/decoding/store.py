"""Where the child puts decoded arrays: growing memory files that it shares with its parent."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray


class FrameStore:
    """Frames of one medium, written one behind another as uint8 ``(H, W, 3)``; the first sets H and W."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.count = 0
        self.shape: tuple[int, int] | None = None
        self.seconds: tuple[float, ...] = ()
        """When each frame is shown, in seconds from the clip's first one; set by who knows it."""

    def append(self, frame: NDArray[np.uint8]) -> None:
        """Write one frame.

        Raises:
            ValueError: it is not RGB, or its size differs from the first frame's.
            OSError: the memory file has reached its limit.
        """
        height, width, channels = frame.shape
        if channels != 3:
            raise ValueError(f"a frame with {channels} channels")
        if self.shape is None:
            self.shape = height, width
        elif self.shape != (height, width):
            raise ValueError(f"a frame of {width}x{height} in a clip of {self.shape[1]}x{self.shape[0]}")
        write_array(self._fd, frame)
        self.count += 1

    def clear(self) -> None:
        """Forget what was written, before another decoder has its try."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.count, self.shape, self.seconds = 0, None, ()


class SoundStore:
    """Mono float32 samples in [-1, 1], at most ``capacity`` of them."""

    def __init__(self, fd: int, capacity: int) -> None:
        self._fd = fd
        self._capacity = capacity
        self.count = 0

    @property
    def full(self) -> bool:
        """Whether the sound is cut here."""
        return self.count >= self._capacity

    def append(self, samples: NDArray[np.float32]) -> None:
        """Write some samples; what goes past the capacity is dropped, not-a-numbers become silence."""
        samples = np.nan_to_num(samples[: self._capacity - self.count], posinf=1.0, neginf=-1.0)
        write_array(self._fd, np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False))
        self.count += len(samples)


def write_array(fd: int, array: NDArray[np.uint8] | NDArray[np.float32]) -> None:
    """Write an array's bytes in full, in C order."""
    left = np.ascontiguousarray(array).data.cast("B")
    while left:
        left = left[os.write(fd, left) :]
