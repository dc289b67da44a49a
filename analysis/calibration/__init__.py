"""Fitting calibrators and bands from out-of-fold scores; `python -m analysis.calibration` is the tool.

`scores` reads the tables, `fitting` fits calibrators and weights, `measuring` measures panels out of fold by
source, `report` shows the result.
"""
