"""Listening: a camera's sound, decoded on a thread of its own, given to detectors of sounds. May import media, platform,
model and interfaces; never holds up recording or watching.
"""
