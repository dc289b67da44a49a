"""Recipe of the `veritag_face` weights: real faces, pseudo-fakes of them, measured on real face swaps."""
