"""Detectors: one module each, tensors in, one score out. Knows nothing of media files or platforms."""
