"""MTCNN, a cascade of three small networks (arXiv 1604.02878): boxes and five points of every face.

The networks and their weights (MIT) are facenet-pytorch's. The cascade is ours: the package's own needs
torchvision's compiled box suppression, which a CPU torch lacks, and fails where a candidate lies wholly
outside of the frame. It gives the same boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from detectors import torchvision_cpu
from detectors.backends import openvino
from detectors.faces.areas import Areas
from detectors.faces.retinaface import Faces

_CELL = 12  # pixels that the first network sees at once
_STEP = 2  # and from one such place to the next
_FACTOR = 0.709  # from one scale to the next
_PROPOSED, _REFINED, _DECIDED = 0.6, 0.7, 0.7
_SMALL, _LARGE = 24, 48  # sides of the crops that the second and the third network see
_STACK = 8 << 20  # pixels searched at once, and
_CROPS = 512  # crops scored at once: both bound the memory


class MTCNN:
    """The three networks, in evaluation mode, on one device.

    Boxes of candidates are ``(n, 4)`` (x1, y1, x2, y2) in pixels; ``owner`` ``(n,)`` is the frame of each.

    Args:
        threads: where given and OpenVINO is installed, it runs the networks in float32 on so many threads of
            the processor: a third of plain torch's time, the same boxes.
    """

    def __init__(self, device: str = "cpu", threads: int | None = None) -> None:
        torchvision_cpu.prepare()
        from facenet_pytorch import ONet, PNet, RNet

        self._device = torch.device(device)
        networks = [
            network().eval().requires_grad_(requires_grad=False).to(self._device)
            for network in (PNet, RNet, ONet)
        ]
        if threads is not None and device == "cpu" and openvino.is_there():
            sides = (None, _SMALL, _LARGE)
            networks = [_converted(*pair, threads) for pair in zip(networks, sides, strict=True)]
        self._propose, self._refine, self._decide = networks

    @torch.inference_mode()
    def find(self, frames: Tensor, min_face: float = 20) -> list[Faces]:
        """Find the faces of each frame, the best first.

        Args:
            frames: uint8 ``(N, H, W, 3)`` sRGB.
            min_face: side of the smallest face looked for, in pixels; twice the side, a quarter of the time.
        """
        found = []
        for stack in _stacks(frames):
            pictures = Areas(stack.to(self._device))
            found += self._decided(pictures, len(stack), *self._proposals(pictures, min_face))
        return found

    @torch.inference_mode()
    def follow(self, frames: Tensor, places: Sequence[Tensor]) -> list[Faces]:
        """Find again the faces that are known to be near some places: a fraction of the work of `find`.

        Args:
            frames: as `find`.
            places: float boxes ``(n, 4)`` of each frame.
        """
        found, first = [], 0
        for stack in _stacks(frames):
            own = places[first : first + len(stack)]
            first += len(stack)
            boxes = torch.cat([box.reshape(-1, 4).float() for box in own]).to(self._device)
            owner = torch.repeat_interleave(torch.tensor([len(box) for box in own])).to(self._device)
            found += self._decided(Areas(stack.to(self._device)), len(stack), _squares(boxes), owner)
        return found

    def _decided(self, pictures: Areas, count: int, boxes: Tensor, owner: Tensor) -> list[Faces]:
        boxes, owner = self._refinements(pictures, boxes, owner)
        boxes, owner, scores, points = self._decisions(pictures, boxes, owner)
        found = []
        for frame in range(count):
            own = (owner == frame).nonzero()[:, 0]
            kept = own[suppress(boxes[own], scores[own], 0.7, of_smaller=True)]
            found.append(Faces(*(values[kept].cpu().numpy() for values in (boxes, scores, points))))
        return found

    def _proposals(self, pictures: Areas, min_face: float) -> tuple[Tensor, Tensor]:
        boxes, scores, shifts = (torch.zeros(0, *size, device=self._device) for size in ((4,), (), (4,)))
        owner = torch.zeros(0, dtype=torch.long, device=self._device)
        height, width = pictures.height, pictures.width
        for scale in scales(height, width, min_face):
            size = [int(length * scale + 1) for length in (height, width)]
            shift, probability = self._propose(_normalised(pictures.resized(*size)))
            frame, row, column = (probability[:, 1] >= _PROPOSED).nonzero(as_tuple=True)
            place = _STEP * torch.stack([column, row], dim=1).float()
            corners = [((place + 1) / scale).floor(), ((place + _CELL) / scale).floor()]
            some = torch.cat(corners, dim=1), probability[frame, 1, row, column], shift[frame, :, row, column]
            kept = _suppress_each(some[0], some[1], frame, 0.5)
            boxes, scores, shifts = (
                torch.cat([before, new[kept]])
                for before, new in zip((boxes, scores, shifts), some, strict=True)
            )
            owner = torch.cat([owner, frame[kept]])
        kept = _suppress_each(boxes, scores, owner, 0.7)
        boxes, shifts = boxes[kept], shifts[kept]
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return _squares(boxes + shifts * sides), owner[kept]

    def _refinements(self, pictures: Areas, boxes: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        boxes, owner = _touching(boxes, owner, pictures)
        outputs = [self._refine(crops) for crops in _crops(pictures, boxes, owner, _SMALL)]
        if not outputs:
            return boxes, owner
        shifts, probability = (torch.cat(part) for part in zip(*outputs, strict=True))
        sure = probability[:, 1] > _REFINED
        boxes, owner, shifts, scores = boxes[sure], owner[sure], shifts[sure], probability[sure, 1]
        kept = _suppress_each(boxes, scores, owner, 0.7)
        return _squares(_shifted(boxes[kept], shifts[kept])), owner[kept]

    def _decisions(
        self, pictures: Areas, boxes: Tensor, owner: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        boxes, owner = _touching(boxes, owner, pictures)
        outputs = [self._decide(crops) for crops in _crops(pictures, boxes, owner, _LARGE)]
        if not outputs:
            return boxes, owner, boxes.new_zeros(0), boxes.new_zeros(0, 5, 2)
        shifts, points, probability = (torch.cat(part) for part in zip(*outputs, strict=True))
        sure = probability[:, 1] > _DECIDED
        boxes, shifts, points = boxes[sure], shifts[sure], points[sure].view(-1, 2, 5).transpose(1, 2)
        points = points * _sizes(boxes)[:, None] + boxes[:, None, :2] - 1
        return _shifted(boxes, shifts), owner[sure], probability[sure, 1], points


def _stacks(frames: Tensor) -> Sequence[Tensor]:
    """As many frames together as memory should hold in float32."""
    if not len(frames):
        return ()
    return torch.split(frames, max(1, _STACK // (frames.shape[1] * frames.shape[2])))


def _converted(network: nn.Module, side: int | None, threads: int) -> Callable[[Tensor], list[Tensor]]:
    length = side or 64
    model = openvino.convert(network, torch.zeros(2, 3, length, length), [-1, 3, side or -1, side or -1])
    return openvino.compiled(model, "f32", threads)


def scales(height: int, width: int, min_face: float) -> list[float]:
    """Return the scales at which the first network must see a picture to find faces of that side and more."""
    scale = _CELL / min_face
    found = []
    while min(height, width) * scale >= _CELL:
        found.append(scale)
        scale *= _FACTOR
    return found


def suppress(boxes: Tensor, scores: Tensor, overlap: float, *, of_smaller: bool = False) -> Tensor:
    """Return the indices of the boxes that stay, best first: those that overlap no better one by more.

    Args:
        overlap: largest share of the union, as torchvision's ``nms``; with ``of_smaller`` of the smaller box,
            pixels counted from edge to edge as in the published last stage.
    """
    x1, y1, x2, y2 = boxes.double().cpu().numpy().T
    edge = 1 if of_smaller else 0
    areas = (x2 - x1 + edge) * (y2 - y1 + edge)
    left = (-scores.double().cpu().numpy()).argsort(kind="stable")
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        width = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left]) + edge
        height = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left]) + edge
        shared = np.maximum(0, width) * np.maximum(0, height)
        smaller, union = np.minimum(areas[best], areas[left]), areas[best] + areas[left] - shared
        left = left[shared <= overlap * (smaller if of_smaller else union)]
    return torch.tensor(kept, dtype=torch.long, device=boxes.device)


def _suppress_each(boxes: Tensor, scores: Tensor, owner: Tensor, overlap: float) -> Tensor:
    """`suppress` within each frame."""
    kept = [torch.zeros(0, dtype=torch.long, device=boxes.device)]
    for frame in sorted(set(owner.tolist())):
        own = (owner == frame).nonzero()[:, 0]
        kept.append(own[suppress(boxes[own], scores[own], overlap)])
    return torch.cat(kept)


def _sizes(boxes: Tensor) -> Tensor:
    """Width and height ``(n, 2)``, pixels counted from edge to edge."""
    return boxes[:, 2:] - boxes[:, :2] + 1


def _shifted(boxes: Tensor, shifts: Tensor) -> Tensor:
    return boxes + shifts * _sizes(boxes).repeat(1, 2)


def _squares(boxes: Tensor) -> Tensor:
    """The squares around the same centres with the longer sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.amax(dim=1, keepdim=True)
    corner = boxes[:, :2] + sides / 2 - longer / 2
    return torch.cat([corner, corner + longer], dim=1)


def _inside(boxes: Tensor, pictures: Areas) -> Tensor:
    """Whole-numbered (left, top, right, bottom) of the parts that lie in the frame, right and bottom out."""
    whole = boxes.trunc().long()
    limit = torch.tensor([pictures.width, pictures.height], device=boxes.device)
    return torch.cat([whole[:, :2].clamp(min=1) - 1, torch.minimum(whole[:, 2:], limit)], dim=1)


def _touching(boxes: Tensor, owner: Tensor, pictures: Areas) -> tuple[Tensor, Tensor]:
    """The boxes of which a part lies in the frame."""
    inside = _inside(boxes, pictures)
    kept = (inside[:, 2:] > inside[:, :2]).all(dim=1)
    return boxes[kept], owner[kept]


def _crops(pictures: Areas, boxes: Tensor, owner: Tensor, side: int) -> Iterator[Tensor]:
    """Stacks ``(n, 3, side, side)`` of what lies in the boxes, squeezed where the frame cuts one off."""
    for some, owners in zip(torch.split(boxes, _CROPS), torch.split(owner, _CROPS), strict=True):
        if len(some):
            yield _normalised(pictures.crops(owners, _inside(some, pictures), side))


def _normalised(pixels: Tensor) -> Tensor:
    """In place: no one else has these pixels."""
    return pixels.sub_(127.5).div_(128)
