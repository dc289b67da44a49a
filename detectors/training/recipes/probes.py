"""Small heads on frozen embeddings of pictures: UniversalFakeDetect, its second version, any timm backbone.

UFD (arXiv 2302.10174) freezes CLIP and trains a linear layer with Adam and binary cross entropy; embeddings
are made once and kept on disk (`features`). Published augmentation draws anew in each epoch; here ``copies``
more embeddings are made of each picture, each augmented in its own way.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import weights
from detectors.clip_detector import TRUNK, CLIPDetector
from detectors.clip_vit import CLIPConfig, CLIPImageEncoder
from detectors.timm_probe import Fit, TimmProbeNetwork
from detectors.training import augment, dataset
from detectors.training.dataset import Item
from detectors.training.features import Features, folder_for
from detectors.training.recipe import Batch, Context, Examples, Objective, Recipe, needed_file
from detectors.training.settings import Count, Metric, Positive, Settings, Weight, Whole
from detectors.ufd import UFD
from detectors.ufd_v2 import UFDV2


class ProbeSettings(Settings):
    """The published settings.

    ``copies`` is the number of augmented embeddings beside each picture's own; ``real_weight`` that of real
    pictures in the loss; ``embed_batch`` the number of pictures that are embedded at once.
    """

    epochs: Count = 10
    batch: Count = 256
    lr: Positive = 1e-4
    metric: Metric = "accuracy"
    copies: Whole = 0
    real_weight: Weight = 1.0
    embed_batch: Count = 16


P = TypeVar("P", bound=ProbeSettings)
# Pictures, uint8 (H, W, 3), to embeddings float32 (N, width).
Embed = Callable[[Sequence[NDArray[np.uint8]]], Tensor]


class _Embeddings:
    """Embeddings out of the file of all of them; several copies of an item are drawn from at random."""

    def __init__(
        self, rows: NDArray[Any], places: NDArray[np.int64], labels: Sequence[int], copies: int
    ) -> None:
        self._rows, self._labels = rows, labels
        self._places = places.reshape(len(labels), copies)

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``embedding`` float32 ``(width,)``."""
        places = self._places[index]
        row = self._rows[places[rng.integers(len(places)) if rng is not None else 0]]
        return {"embedding": torch.from_numpy(np.array(row)), "label": torch.tensor(self._labels[index])}


class _Probe(Objective):
    def __init__(self, head: nn.Module, real_weight: float) -> None:
        super().__init__()
        self.network = head
        self._real_weight = real_weight

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["embedding"])[:, 0]
        label = batch["label"].to(logits)
        weight = label + (1 - label) * self._real_weight
        return {"loss": F.binary_cross_entropy_with_logits(logits, label, weight), "logit": logits}


class _ProbeRecipe(Recipe[P]):
    """What probes share: embeddings of each picture and its copies, made once."""

    @abstractmethod
    def embedder(self, context: Context) -> tuple[Embed, int, tuple[object, ...]]:
        """Return how pictures are embedded, the width, and what tells these embeddings from others."""

    def examples(self, items: Sequence[Item], context: Context, *, train: bool) -> Examples:
        """Embeddings; those that are validated on have no copies."""
        embed, width, made_by = self.embedder(context)
        copies = self.settings.copies + 1 if train else 1
        keys = [f"{item.key}-{copy}" for item in items for copy in range(copies)]
        seed = context.seed if copies > 1 else 0
        features = Features(folder_for(context.cache, "embeddings", seed, *made_by), (width,))

        def compute(places: Sequence[int]) -> NDArray[np.generic]:
            drawn = (divmod(place, copies) for place in places)
            rows: NDArray[np.generic] = embed(
                [_picture(items[number], copy, seed) for number, copy in drawn]
            ).numpy()
            return rows

        features.complete(keys, compute, self.settings.embed_batch, "embedding")
        return _Embeddings(*features.rows(keys), [item.label for item in items], copies)


def _picture(item: Item, copy: int, seed: int) -> NDArray[np.uint8]:
    picture = np.array(dataset.read(item.path))
    if copy:
        rng = np.random.default_rng([seed, int(item.key, 16), copy])
        picture = augment.mirrored(augment.blurred_or_compressed(picture, rng), rng)
    return picture


class UFDRecipe(_ProbeRecipe[ProbeSettings]):
    """UniversalFakeDetect: one layer on CLIP."""

    detector = "ufd"
    settings_type = ProbeSettings
    min_side = 64
    follows = "arXiv 2302.10174; embeddings cached as truemediaorg/ml-models does"
    model: ClassVar[type[CLIPDetector]] = UFD

    def embedder(self, context: Context) -> tuple[Embed, int, tuple[object, ...]]:
        """CLIP's image tower from the weights store, with the detector's own preprocessing."""
        config, known = self.model.config, self.record()
        tower = self._tower(config, weights.read(known, context.weights_dir, part=TRUNK), known.file.name)
        tower.to(context.device)
        detector = self.model(tower, known, str(context.device))

        @torch.inference_mode()
        def embed(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
            frames = [detector.preprocess(torch.from_numpy(picture)[None]) for picture in pictures]
            return tower.embed(torch.cat(frames)).float().cpu()

        file = weights.find(known.part(TRUNK), context.weights_dir)
        return embed, config.embedding, (self.detector, weights.digest(file))

    def _tower(self, config: CLIPConfig, state: Mapping[str, Tensor], origin: str) -> CLIPImageEncoder:
        with torch.device("meta"):
            tower = CLIPImageEncoder(config)
        weights.fill(tower, self.model.trunk_state(state), origin)
        return tower.eval()

    def objective(self, context: Context) -> Objective:
        """The linear layer alone."""
        del context
        return _Probe(nn.Linear(self.model.config.embedding, 1), self.settings.real_weight)


class _TwoLayers(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, width // 2)
        self.fc2 = nn.Linear(width // 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc2(F.relu(self.fc1(x)))
        return logits


class UFDV2Recipe(UFDRecipe):
    """UniversalFakeDetectV2: two layers on CLIP."""

    detector = "ufd_v2"
    follows = "truemediaorg/ml-models UniversalFakeDetectV2, after arXiv 2302.10174"
    model: ClassVar[type[CLIPDetector]] = UFDV2

    def objective(self, context: Context) -> Objective:
        """The two layers."""
        del context
        return _Probe(_TwoLayers(self.model.config.embedding), self.settings.real_weight)


class TimmProbeSettings(ProbeSettings):
    """``architecture`` is timm's name, ``backbone`` the file of its weights, ``fit`` as in `timm_probe`."""

    architecture: str | None = None
    backbone: Path | None = None
    fit: Fit = "crop"


class TimmProbeRecipe(_ProbeRecipe[TimmProbeSettings]):
    """One layer on any of timm's networks."""

    detector = "timm_probe"
    settings_type = TimmProbeSettings
    min_side = 64
    follows = "linear probing on frozen features, as arXiv 2302.10174"

    def __init__(self, settings: TimmProbeSettings) -> None:
        super().__init__(settings)
        self._whole: TimmProbeNetwork | None = None

    def _network(self) -> TimmProbeNetwork:
        """The backbone with its weights, once."""
        if self._whole is None:
            if self.settings.architecture is None:
                raise ValueError("timm_probe needs an architecture; ask for timm_probe:resnet18, say")
            self._whole = TimmProbeNetwork(self.settings.architecture).eval()
            file = needed_file(self.settings.backbone, "backbone", "the backbone's weights")
            state = {
                name: tensor
                for name, tensor in weights.read_file(file).items()
                if not name.startswith(_classifiers(self._whole.backbone))
            }
            weights.fill(self._whole.backbone, state, file.name)
        return self._whole

    def embedder(self, context: Context) -> tuple[Embed, int, tuple[object, ...]]:
        """The backbone at its own size."""
        network, settings = self._network(), self.settings
        wanted = network.input(settings.fit)
        backbone = network.backbone.to(context.device)

        @torch.inference_mode()
        def embed(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
            frames = [wanted.prepare(torch.from_numpy(picture)[None]) for picture in pictures]
            found: Tensor = backbone(torch.cat(frames).to(context.device))
            return found.float().cpu()

        assert settings.backbone is not None
        made_by = (settings.architecture, settings.fit, weights.digest(settings.backbone))
        return embed, network.fc.in_features, made_by

    def objective(self, context: Context) -> Objective:
        """The linear layer alone."""
        del context
        return _Probe(nn.Linear(self._network().fc.in_features, 1), self.settings.real_weight)

    def start(self, objective: Objective, state: Mapping[str, Tensor]) -> None:
        """Begin from a probe's file: its layer; the backbone is the one that the settings name."""
        layer = {name.removeprefix("fc."): t for name, t in state.items() if name.startswith("fc.")}
        weights.fill(objective.network, layer, "the checkpoint")

    def export(self, objective: Objective) -> dict[str, Tensor]:
        """Backbone and layer in one file."""
        layer = {f"fc.{name}": tensor for name, tensor in objective.network.state_dict().items()}
        backbone = self._network().backbone.state_dict()
        return {f"backbone.{name}": tensor for name, tensor in backbone.items()} | layer

    def is_from_scratch(self) -> bool:
        """The file holds the backbone."""
        return False

    def metadata(self) -> dict[str, str]:
        """Which backbone it is, and how pictures are brought to its size."""
        return {"architecture": str(self.settings.architecture), "fit": self.settings.fit}


def _classifiers(backbone: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of a published backbone's own classifier, which is not part of it here."""
    named: object = getattr(backbone, "default_cfg", {}).get("classifier") or ()
    names = (named,) if isinstance(named, str) else tuple(named) if isinstance(named, tuple | list) else ()
    return tuple(f"{name}." for name in names)
