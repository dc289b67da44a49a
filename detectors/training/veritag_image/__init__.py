"""Recipe of the image detector's weights: `python -m detectors.training.veritag_image`."""
