"""The networks that find faces and their points for FTCN, under the parity suite."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.faces import retinaface
from detectors.faces.landmarks import LandmarkNetwork, landmark_input, to_frame
from detectors.faces.retinaface import RetinaFace
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


def coloured_fog(seed: int, count: int, height: int, width: int) -> Tensor:
    """The stored low-frequency video, uint8 ``(N, H, W, 3)``."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.rand(1, 3, max(2, count // 8), 9, 16, generator=generator)
    video = nn.functional.interpolate(grid, size=(count, height, width), mode="trilinear")
    return (video[0] * 255).round().to(torch.uint8).permute(1, 2, 3, 0)


def video_frames(vectors: Vectors) -> Tensor:
    seed, count, height, width = vectors.stored["frames_seed_lowfreq_u8_N_H_W"].tolist()
    return coloured_fog(seed, count, height, width)


def _finder_frame(vectors: Vectors) -> Tensor:
    return coloured_fog(int(vectors.stored["ret_img_seed"]), 8, 240, 320)[3]


def _finder_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    frame = _finder_frame(vectors).to(device)
    offsets, classes, landmarks = network(retinaface.normalise(frame[None]))
    prior = retinaface.priors(240, 320).to(device)
    boxes, points = retinaface.decode(offsets[0], landmarks[0], prior, 320, 240)
    # The stored threshold is one prior's own score, which is out, also where it is rounded up.
    threshold = float(vectors.stored["ret_post_thr"]) + 1e-6
    faces = retinaface.select(boxes, classes[0, :, 1], points, threshold)
    rows = [torch.from_numpy(values).reshape(len(faces.scores), -1) for values in faces]
    fields = {
        "ret_loc_sub": subsample(offsets, 4096),
        "ret_conf_sub": subsample(classes, 4096),
        "ret_landm_sub": subsample(landmarks, 4096),
        "ret_boxes_sub": subsample(boxes, 4096),
    }
    # Which faces are above the threshold is known for one set of weights only.
    return fields | {"ret_post": torch.cat(rows, dim=1)} if vectors.comparable else fields


def _box(vectors: Vectors, field: str) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = vectors.stored["boxes"][0].astype("int32").tolist()
    return (x1, y1, x2, y2) if field == "lmk" else (-20, 30, 180, 260)


def _point_inputs(vectors: Vectors, device: str) -> Fields:
    frames = video_frames(vectors)[:2].to(device)
    fields: dict[str, Tensor] = {}
    for frame, field in zip(frames, ("lmk", "lmk_edge"), strict=True):
        pixels, box = landmark_input(frame, _box(vectors, field))
        fields[f"{field}_in_sub"] = subsample(pixels, 4096)
        fields[f"{field}_bbox"] = torch.tensor(box, dtype=torch.int32)
    return fields


def _point_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    pixels, box = landmark_input(video_frames(vectors)[0].to(device), _box(vectors, "lmk"))
    out = network(pixels)
    return {"lmk_out": out, "lmk_points": to_frame(out[0], box)}


CASES = (
    Case(
        name="retinaface",
        folder="ftcn_preproc",
        keys="keys_retinaface_mnet025.json",
        rule=Rule(),
        build=RetinaFace,
        inputs=lambda vectors, device: {"ret_priors_sub": subsample(retinaface.priors(240, 320), 4096)},
        outputs=_finder_outputs,
        bf16=False,  # which faces pass its threshold hangs on the last bits: the engine runs it in float32
    ),
    Case(
        name="face_landmarks",
        folder="ftcn_preproc",
        keys="keys_landmark_mobilenet_gdconv.json",
        rule=Rule(),
        build=LandmarkNetwork,
        inputs=_point_inputs,
        outputs=_point_outputs,
        dead=("pretrain_net.",),
    ),
)
