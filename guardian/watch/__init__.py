"""Watching: decode, motion, where to look, what is there. In the camera's process, beside recording and never in its way.

May import numpy, cv2, av, and guardian's media, model, interfaces and platform. The rules of events are handed in.
"""
