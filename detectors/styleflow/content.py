"""StyleFlow's content network: FTCN's body whose tokens attend to the style of the clip."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from detectors.ftcn_network import TOKENS, WIDTH, Head, TemporalResNet

STYLE = TOKENS * WIDTH


class _StyleAttention(nn.Module):
    """What the style says to each content token: one head of attention, projected."""

    def __init__(self) -> None:
        super().__init__()
        self.w_q, self.w_k, self.w_v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.lp = nn.Linear(WIDTH, WIDTH)
        nn.init.zeros_(self.lp.weight)

    def forward(self, tokens: Tensor, style: Tensor) -> Tensor:
        attended = F.scaled_dot_product_attention(self.w_q(tokens), self.w_k(style), self.w_v(style))
        out: Tensor = self.lp(attended)
        return out


class _StyleHead(Head):
    def __init__(self) -> None:
        super().__init__()
        self.STA = _StyleAttention()

    def read(self, features: Tensor, style: Tensor) -> Tensor:
        """Map ``(N, 1024, 16, 14, 14)`` and ``(N, 16384)`` to logits ``(N, 1)``."""
        tokens = self.tokens(features)
        logits: Tensor = self.time_T(tokens + self.STA(tokens, style.view(-1, TOKENS, WIDTH)))
        return logits


class StyleFlowNetwork(nn.Module):
    """The network in full; the served one is FTCN's with other weights."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = TemporalResNet(_StyleHead())

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map normalised clips ``(N, 3, 32, 224, 224)`` and styles ``(N, 16384)`` to logits ``(N, 1)``."""
        head = self.resnet.head
        assert isinstance(head, _StyleHead)
        return head.read(self.resnet.features(x), style)
