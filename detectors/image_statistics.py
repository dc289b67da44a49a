"""Statistics of a picture's crop in which generated pictures differ from photographs, whatever they show.

Each block of figures follows a published observation:

* `_residual_shape`, `_co_occurrence`: high-pass residuals and pairs of them, as in steganalysis (Fridrich and
  Kodovsky, 2012, "Rich Models"; Cozzolino et al., 2014, for forgeries).
* `_autocorrelation`: up-sampling makes residuals periodic (Popescu and Farid, 2005; Corvi et al., 2023,
  arXiv 2211.00680).
* `_spectrum`: radial decay of the power spectrum and peaks at multiples of 1/8 (Durall et al., 2020,
  arXiv 2003.01826; Frank et al., 2020, arXiv 2003.08685; Corvi et al., 2023).
* `_channels`: how the residuals of colour channels go together: demosaicing leaves a photograph's correlated
  (Swaminathan et al., 2008; Li et al., 2020, arXiv 1808.07276).
* `_patches`: rich against poor texture and noise against brightness (Zhong et al., 2023, arXiv 2311.12397).
* `_local_binary_patterns`: Ojala et al., 2002, rotation-invariant uniform patterns.
* `_block_dct`: shares and tails of 8 x 8 DCT coefficients (Frank et al., 2020; Giudice et al., 2021,
  arXiv 2101.09781).
* `_colour`: saturation and tone (McCloskey and Albright, 2018, arXiv 1812.08247).

Nothing is learned here; the figures of one crop depend on that crop alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MIN_SIDE = 160
COUNT = 899
_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_LAGS = (
    *((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2), (0, 3), (3, 0)),
    *((0, 4), (4, 0), (1, 2), (2, 1), (4, 4), (0, 8), (8, 0)),
)
_RINGS = 28
_WINDOW = 64


def describe(crops: Tensor) -> Tensor:
    """Return the statistics of crops.

    Args:
        crops: uint8 RGB ``(N, H, W, 3)``, sides of at least `MIN_SIDE`.

    Returns:
        float32 ``(N, COUNT)``, finite, whatever the size of the crops.
    """
    rgb = crops.movedim(-1, 1).float()
    planes = torch.einsum("ij,njhw->nihw", torch.tensor(_YCBCR), rgb)
    blocks = [*_spectrum(planes), _block_dct(planes[:, 0]), _colour(rgb, planes)]
    for scale in (1, 2, 4):
        if scale > 1:
            rgb, planes = F.avg_pool2d(rgb, 2), F.avg_pool2d(planes, 2)
        if scale == 2:
            blocks.append(_decay(planes[:, :1]))
        blocks += [_residual_shape(planes), _co_occurrence(planes[:, 0]), _channels(rgb, planes)]
        blocks.append(_local_binary_patterns(planes))
        if scale < 4:
            blocks += [_autocorrelation(planes), _patches(planes)]
    return torch.cat(blocks, dim=1)


def _d(x: Tensor, dy: int, dx: int) -> Tensor:
    """Difference between each pixel and the one (dy, dx) further, dy >= 0; dx may be -1."""
    height, width = x.shape[-2:]
    rows = slice(0, height - dy), slice(dy, height)
    columns = (
        (slice(0, width - dx), slice(dx, width)) if dx >= 0 else (slice(-dx, width), slice(0, width + dx))
    )
    return x[..., rows[1], columns[1]] - x[..., rows[0], columns[0]]


def _laplacian(x: Tensor) -> Tensor:
    """Second difference along both axes, the 3 x 3 filter of the rich models over 4."""
    across = x[..., 2:] - 2 * x[..., 1:-1] + x[..., :-2]
    return (across[..., 2:, :] - 2 * across[..., 1:-1, :] + across[..., :-2, :]) / 4


def _residuals(x: Tensor) -> list[Tensor]:
    return [
        _d(x, 0, 1),
        _d(x, 1, 0),
        _d(x, 1, 1),
        _d(x, 1, -1),
        (x[..., 2:] - 2 * x[..., 1:-1] + x[..., :-2]) / 2,
        (x[..., 2:, :] - 2 * x[..., 1:-1, :] + x[..., :-2, :]) / 2,
        _laplacian(x),
    ]


def _residual_shape(planes: Tensor) -> Tensor:
    """Tails of each residual's distribution, and the residuals' levels against each other."""
    levels, shapes = [], []
    for residual in _residuals(planes):
        square = residual * residual
        second = square.mean((2, 3))
        first = residual.abs().mean((2, 3))
        levels.append(torch.log(second + 0.02))
        shapes.append(torch.log((first * first + 0.01) / (second + 0.02)))
        shapes.append(torch.log((square.square_().mean((2, 3)) + 0.01) / (second * second + 0.01)))
    level = torch.stack(levels, 1)
    against = level[:, 1:] - level[:, :-1]
    # The distribution of the luminance residual, in units of its median.
    spread = _laplacian(planes[:, 0]).abs().flatten(1)[:, ::3].sort(1).values
    unit = spread / (spread[:, spread.shape[1] // 2, None] + 0.5)
    edges = torch.tensor([0.25, 0.5, 1.5, 2, 3, 4, 6, 9, 14]).expand(len(unit), -1).contiguous()
    share = torch.searchsorted(unit, edges).float() / unit.shape[1]
    return torch.cat([level[:, -1], against.flatten(1), *shapes, share], 1)


def _co_occurrence(y: Tensor) -> Tensor:
    """Shares of pairs of neighbouring quantised residuals, sign and mirror folded together."""
    figures = []
    residuals = _residuals(y)
    for index, (dy, dx) in ((4, (0, 1)), (5, (1, 0)), (6, (0, 1)), (6, (1, 1))):
        residual = residuals[index]
        step = residual.abs().flatten(1)[:, ::5].median(1).values.clamp(min=0.6)
        level = (residual / step[:, None, None]).round_().clamp_(-2, 2).long() + 2
        height, width = level.shape[1:]
        pair = level[:, : height - dy, : width - dx] * 5 + level[:, dy:, dx:]
        offset = 25 * torch.arange(len(y))[:, None]
        counts = torch.bincount((pair.flatten(1) + offset).flatten(), minlength=25 * len(y))
        table = counts.reshape(-1, 5, 5).float() / pair[0].numel()
        table = (table + table.flip(1, 2)) / 2
        table = (table + table.transpose(1, 2)) / 2
        cells = ((0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (2, 2))
        figures += [torch.log(table[:, i, j] + 1e-3) for i, j in cells]
    return torch.stack(figures, 1)


def _autocorrelation(planes: Tensor) -> Tensor:
    residual = _laplacian(planes).clamp(-40, 40)
    power = (residual * residual).mean((2, 3)) + 0.05
    height, width = residual.shape[2:]
    return torch.cat(
        [
            (residual[..., dy:, dx:] * residual[..., : height - dy, : width - dx]).mean((2, 3)) / power
            for dy, dx in _LAGS
        ],
        1,
    )


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = a.flatten(1), b.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / ((a * a).sum(1) * (b * b).sum(1) + 1e-6).sqrt()


def _channels(rgb: Tensor, planes: Tensor) -> Tensor:
    """Correlations of the residuals between colour channels, and their levels against luminance."""
    r, g, b = _laplacian(rgb).unbind(1)
    y, cb, cr = _laplacian(planes).unbind(1)
    level = [torch.log((x * x).mean((1, 2)) + 0.02) for x in (y, cb, cr)]
    return torch.stack(
        [
            *(_correlation(r, g), _correlation(g, b), _correlation(r, b)),
            *(_correlation(y, cb), _correlation(y, cr), _correlation(cb, cr)),
            *(_correlation(y.abs(), cb.abs()), _correlation(y.abs(), cr.abs())),
            *(level[1] - level[0], level[2] - level[0]),
        ],
        1,
    )


def _quantiles(x: Tensor, at: tuple[float, ...]) -> Tensor:
    """Quantiles of each row of ``(N, M)``: ``(N, len(at))``."""
    ordered = x.sort(1).values
    return ordered[:, [round(q * (x.shape[1] - 1)) for q in at]]


def _patches(planes: Tensor) -> Tensor:
    """Residual energy of 8 x 8 patches: its spread, and how it goes with brightness and contrast."""
    y = planes[:, :1]
    energy = torch.log(F.avg_pool2d(_laplacian(planes).square(), 8) + 0.05).flatten(2)
    luminance, chroma = energy[:, 0], energy[:, 1:]
    inner = y[..., 1:-1, 1:-1]
    mean = F.avg_pool2d(inner, 8).flatten(1)
    contrast = torch.log(F.avg_pool2d(inner * inner, 8).flatten(1) - mean * mean + 1.0)
    at = _quantiles(luminance, (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98))
    flat = (contrast <= _quantiles(contrast, (0.3,))).float()
    noise = []
    for low, high in ((0, 80), (80, 160), (160, 256)):
        chosen = flat * (mean >= low) * (mean < high)
        noise.append((luminance * chosen).sum(1) / (chosen.sum(1) + 5))
    return torch.cat(
        [
            at - at[:, 3:4],
            at[:, 3:4],
            *(_quantiles(plane, (0.1, 0.5, 0.9)) - at[:, 3:4] for plane in chroma.unbind(1)),
            torch.stack(
                [
                    *noise,
                    _correlation(luminance * flat, mean * flat),
                    _correlation(luminance, contrast),
                    contrast.std(1),
                    (luminance * flat).sum(1) / flat.sum(1) - at[:, 5],
                ],
                1,
            ),
        ],
        1,
    )


def _local_binary_patterns(planes: Tensor) -> Tensor:
    """Shares of the ten rotation-invariant uniform patterns of eight neighbours, in each plane."""
    centre = planes[..., 1:-1, 1:-1]
    height, width = planes.shape[-2:]
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    above = [planes[..., dy : height - 2 + dy, dx : width - 2 + dx] > centre + 0.5 for dy, dx in ring]
    ones = torch.zeros(centre.shape, dtype=torch.uint8)
    changes = torch.zeros_like(ones)
    for n, bit in enumerate(above):
        ones += bit
        changes += bit ^ above[n - 1]
    pattern = torch.where(changes <= 2, ones, torch.full_like(ones, 9)).flatten(2).flatten(0, 1).long()
    offset = 10 * torch.arange(len(pattern))[:, None]
    counts = torch.bincount((pattern + offset).flatten(), minlength=10 * len(pattern))
    share = counts.reshape(len(planes), -1).float() / pattern.shape[1]
    return torch.log(share + 1e-3)


def _spectrum(planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Radial profile of the mean log spectrum, what stands out of it at multiples of 1/8 and by angle, and a
    coarse map of it.
    """
    tiles = planes.unfold(2, _WINDOW, 48).unfold(3, _WINDOW, 48).flatten(2, 3)
    window = torch.hann_window(_WINDOW)
    tiles = (tiles - tiles.mean((-1, -2), keepdim=True)) * (window[:, None] * window)
    power = torch.log(torch.fft.fft2(tiles).abs().square() + 20.0).mean(2)
    frequency = torch.fft.fftfreq(_WINDOW)
    radius = (frequency[:, None].square() + frequency.square()).sqrt()
    ring = (radius * 40).long().clamp(max=_RINGS - 1).flatten()
    member = F.one_hot(ring, _RINGS).float()
    profile = power.flatten(2) @ (member / member.sum(0))
    excess = (power.flatten(2) - profile @ member.T).reshape(power.shape)
    found = []
    for n in (8, 16, 24, 32):
        found += [(excess[..., n, 0] + excess[..., -n, 0]) / 2, (excess[..., 0, n] + excess[..., 0, -n]) / 2]
        found += [(excess[..., n, n] + excess[..., n, -n]) / 2, (excess[..., n, 16] + excess[..., 16, n]) / 2]
    angle = torch.atan2(frequency[:, None].abs().expand_as(radius), frequency.abs().expand_as(radius))
    for sector in (angle < 0.2, angle > 1.37, (angle - 0.785).abs() < 0.2):
        found.append(excess[..., sector & (radius > 0.15)].mean(-1))
    decay = torch.cat([profile[..., 1:6], profile[..., 7:]], -1) - profile[..., 6:7]
    return decay.flatten(1), torch.cat(found, 1), _map(power)


def _map(power: Tensor) -> Tensor:
    """Log power in 8 x 8 cells of frequency, less its mean: luminance, then the chroma planes together."""
    half = _WINDOW // 2
    folded = (power[..., 1:half, 1:half] + power[..., half + 1 :, 1:half].flip(-2)) / 2
    cells = F.avg_pool2d(F.pad(folded, (0, 1, 0, 1), mode="replicate"), 4).flatten(2)
    cells = cells - cells.mean(-1, keepdim=True)
    return torch.cat([cells[:, 0], cells[:, 1:].mean(1)], 1)


def _block_dct(y: Tensor) -> Tensor:
    """Energy and tails of 8 x 8 DCT coefficients along the diagonals of equal frequency."""
    n = torch.arange(8.0)
    basis = torch.cos(torch.pi * (2 * n + 1) * n[:, None] / 16) / 2
    basis[0] /= 2**0.5
    blocks = y[:, 4:, 4:].unfold(1, 8, 8).unfold(2, 8, 8).flatten(1, 2)
    coefficients = (basis @ blocks @ basis.T).flatten(2)
    square = coefficients.square().mean(1)
    tail = torch.log((coefficients.abs().mean(1).square() + 0.1) / (square + 0.2))
    diagonal = F.one_hot((n[:, None] + n).long().flatten(), 15).float()
    diagonal /= diagonal.sum(0)
    energy = torch.log(square + 0.5) @ diagonal
    return torch.cat([energy[:, 1:] - energy[:, 3:4], (tail @ diagonal)[:, 1:]], 1)


def _colour(rgb: Tensor, planes: Tensor) -> Tensor:
    rgb, planes = rgb[..., ::2, ::2], planes[..., ::2, ::2]
    largest, smallest = rgb.amax(1), rgb.amin(1)
    saturation = ((largest - smallest) / (largest + 8)).flatten(1)
    y, cb, cr = planes.unbind(1)
    chroma = planes[:, 1:].flatten(2)
    return torch.cat(
        [
            _quantiles(saturation, (0.05, 0.25, 0.5, 0.75, 0.95)),
            _quantiles(y.flatten(1), (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)) / 255,
            torch.log(chroma.std(-1) + 1),
            chroma.mean(-1) / 30,
            (y >= 254).float().mean((1, 2))[:, None],
            (y <= 1).float().mean((1, 2))[:, None],
            torch.stack([_correlation(y, cb), _correlation(y, cr), _correlation(cb, cr)], 1),
        ],
        1,
    )


def _decay(y: Tensor) -> Tensor:
    """How the residual's energy and tails change from each scale to the next, from half size down."""
    energy, tail = [], []
    for _ in range(4):
        square = _laplacian(y).square()
        mean = square.mean((1, 2, 3))
        energy.append(torch.log(mean + 0.02))
        tail.append(torch.log((square.square().mean((1, 2, 3)) + 0.01) / (mean * mean + 0.01)))
        y = F.avg_pool2d(y, 2)
    figures = torch.stack([*energy, *tail], 1)
    return torch.cat([figures, figures[:, 1:4] - figures[:, :3]], 1)
