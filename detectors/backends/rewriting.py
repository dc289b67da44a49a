"""Converted networks rewritten: the same function in steps that OpenVINO runs faster, or nearer to float32.

`prepared` changes no figure but by rounding. `reduced` makes a network ready for bfloat16: weights round to 8
bits the same way for every input, which shifts the logits; the mean of that shift is taken out again at each
product (bias correction, arXiv 1906.04721). `wide` says what is to stay in float32.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData")
_SMALL = 0.005  # share of a network's arithmetic under which a product does not have to be fast
_HEAD = "wide/"  # how the names of a network's last products begin
# What OpenVINO's plugin for processors reads on an operation that keeps its own width.
_MARK = {"name": "DisablePrecisionConversion", "version": "0", "value": "dynamic:f16"}


def prepared(model: Any) -> Any:
    """Rewrite a converted model in place.

    Layer norms over the last of four and more axes are given three, which OpenVINO has a kernel for; it takes
    others apart, and rounds the means in between. Small products of one vector for each input become
    convolutions of one pixel, which can be kept in float32.
    """
    from openvino import opset13 as ops

    whole = sum(_gflop(node) for node in model.get_ordered_ops())
    for node in model.get_ordered_ops():
        kind, rank = node.get_type_name(), len(node.get_output_partial_shape(0))
        if kind == "MVN" and rank > 3 and _axes(node) == [rank - 1]:
            length = node.get_output_partial_shape(0)[rank - 1].get_length()
            rows = ops.reshape(node.input_value(0), np.array([0, -1, length]), special_zero=True)
            said = node.get_attributes()
            normed = ops.mvn(
                rows, np.array([2]), said["normalize_variance"], said["eps"], said["eps_mode"].lower()
            )
            shape = [0, *(-1 if size.is_dynamic else size.get_length() for size in _sizes(node)[1:])]
            _replace(node, ops.reshape(normed, np.array(shape), special_zero=True))
        elif kind == "MatMul" and rank == 2 and _gflop(node) < _SMALL * whole and _is_linear(node):
            weights = _weights(node)
            assert weights is not None
            high, wide = weights.shape
            pixels = ops.reshape(node.input_value(0), np.array([0, wide, 1, 1]), special_zero=True)
            one = (1, 1)
            product = ops.convolution(
                pixels, weights.reshape(high, wide, 1, 1).copy(), one, (0, 0), (0, 0), one
            )
            product.set_friendly_name(_HEAD + node.get_friendly_name())
            _replace(node, ops.reshape(product, np.array([0, high]), special_zero=True))
    model.validate_nodes_and_infer_types()
    return model


def wide(model: Any, *, only_heads: bool) -> set[str]:
    """Names of the operations to keep in float32: the last products, or all but the large products."""
    nodes = model.get_ordered_ops()
    if only_heads:
        return {node.get_friendly_name() for node in nodes if node.get_friendly_name().startswith(_HEAD)}
    whole = sum(_gflop(node) for node in nodes)
    fixed = ("Constant", "Parameter", "Result", "MatMul")
    return {
        node.get_friendly_name()
        for node in nodes
        if node.get_type_name() not in fixed and _gflop(node) < _SMALL * whole
    }


def corrected(model: Any, kept: set[str], means: Callable[[Any], list[NDArray[Any]]]) -> Any:
    """Take out, in place, what rounding weights to bfloat16 adds to each product's mean output.

    Args:
        kept: names of operations whose weights are not rounded.
        means: runs the model in float32 on example inputs, and gives what its results after the first are.
    """
    from openvino import opset13 as ops

    found = [(node, _weights(node)) for node in model.get_ordered_ops() if _is_product(node)]
    products = [(n, w) for n, w in found if w is not None and n.get_friendly_name() not in kept]
    results = []
    for node, _ in products:
        rank = len(node.get_input_partial_shape(0))
        over = range(rank - 1) if node.get_type_name() == "MatMul" else [0, *range(2, rank)]
        mean = ops.reduce_mean(node.input_value(0), np.array(list(over)), keep_dims=False)
        results.append(ops.result(mean))
    model.add_results(results)
    measured = means(model)
    for result in results:
        model.remove_result(result)
    for (node, weights), mean in zip(products, measured, strict=True):
        shift = _mean_output(node, weights - _rounded(weights), mean).astype(np.float32)
        if node.get_type_name() != "MatMul":
            shift = shift.reshape(1, -1, *[1] * (len(node.get_output_partial_shape(0)) - 2))
        users = list(node.output(0).get_target_inputs())
        total = ops.add(node.output(0), shift)
        for user in users:
            user.replace_source_output(total.output(0))
    model.validate_nodes_and_infer_types()
    return model


def written(model: Any, file: Path, kept: Collection[str] = ()) -> Path:
    """Write a model; its description, the only place where it can be said, tells what keeps float32."""
    import openvino

    openvino.save_model(model, file, compress_to_fp16=False)
    if kept:
        tree = ET.parse(file)  # noqa: S314 - written by OpenVINO a moment ago
        for layer in tree.iterfind("layers/layer"):
            if layer.get("name") in kept:
                told = layer.find("rt_info")
                ET.SubElement(ET.SubElement(layer, "rt_info") if told is None else told, "attribute", _MARK)
        tree.write(file)
    return file


def _mean_output(node: Any, weights: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]:
    """What weights make of the mean input, by output channel; borders count as inside."""
    kind = node.get_type_name()
    if kind == "MatMul":
        return np.asarray(weights @ mean)
    around = tuple(range(3 if kind == "GroupConvolution" else 2, weights.ndim))
    summed = weights.sum(around)
    if kind == "GroupConvolution":
        return np.asarray(np.einsum("goi,gi->go", summed, mean.reshape(len(summed), -1)).ravel())
    if kind == "Convolution":
        return np.asarray(summed @ mean)
    return np.asarray(mean @ summed / math.prod(node.get_attributes()["strides"]))


def _rounded(values: NDArray[Any]) -> NDArray[Any]:
    import torch

    rounded: NDArray[Any] = torch.from_numpy(values).bfloat16().float().numpy()
    return rounded


def _gflop(node: Any) -> float:
    """10^9 operations of a product for one input."""
    if not _is_product(node):
        return 0.0
    kind, weights = node.get_type_name(), node.get_input_partial_shape(1)
    each = _size(node.get_output_partial_shape(0))
    if kind == "MatMul":
        row = list(node.get_input_partial_shape(0))[-1]
        return 2e-9 * each * (row.get_length() if row.is_static else 1)
    if kind == "ConvolutionBackpropData":
        each = _size(node.get_input_partial_shape(0))
    return 2e-9 * each * _size(list(weights)[2 if kind == "GroupConvolution" else 1 :])


def _size(lengths: Any) -> int:
    return math.prod(length.get_length() for length in lengths if length.is_static)


def _is_product(node: Any) -> bool:
    return node.get_type_name() in ("MatMul", *_CONVOLUTIONS)


def _is_linear(node: Any) -> bool:
    """Whether a product is of an input with weights."""
    return _weights(node) is not None and not node.get_attributes()["transpose_a"]


def _weights(node: Any) -> NDArray[Any] | None:
    """A product's weights, of matrices output channels first; None where they are not fixed."""
    source = node.input_value(1).get_node()
    shape = node.get_input_partial_shape(1)
    if source.get_type_name() == "Reshape":
        source = source.input_value(0).get_node()
    if source.get_type_name() != "Constant" or shape.is_dynamic:
        return None
    weights = np.array(source.data, np.float32).reshape(shape.to_shape())
    if node.get_type_name() != "MatMul":
        return weights
    if weights.ndim != 2 or node.get_attributes()["transpose_a"]:
        return None
    return weights if node.get_attributes()["transpose_b"] else np.ascontiguousarray(weights.T)


def _axes(node: Any) -> list[int] | None:
    """The axes that a norm is taken over."""
    axes, rank = node.input_value(1).get_node(), len(node.get_output_partial_shape(0))
    if axes.get_type_name() != "Constant":
        return None
    return [int(axis) % rank for axis in np.array(axes.data).ravel()]


def _sizes(node: Any) -> list[Any]:
    return list(node.get_output_partial_shape(0))


def _replace(node: Any, by: Any) -> None:
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(by.output(0))
