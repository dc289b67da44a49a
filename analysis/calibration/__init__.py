"""Fitting calibrators and bands from out-of-fold scores; `python -m analysis.calibration` is the tool.

`judged` makes tables and `scores` reads them, `fitting` fits calibrators and weights, `choosing` their kinds,
`measuring` measures panels out of fold by source, `ensemble` all together, `report` shows the result.
"""
