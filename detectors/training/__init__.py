"""Training: one trainer (`run`, `trainer`) for the recipes of all detectors (`recipes`).

Weights that ship are made by programs of their own, a module or package per detector: see `tiny_ladeda`.
"""
