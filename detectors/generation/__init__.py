"""Generation: fakes made of real media, to learn and to measure with.

A *generator* makes one fake of one real medium, so that nothing but the manipulation tells them apart; a
*laundering* chain then sends both through the same social network, so to speak. `veritag generate`
does both for whole folders and writes a manifest.
"""
