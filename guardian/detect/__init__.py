"""From pictures to detections: letterboxing, decoding of raw network outputs, suppression, catalogue, client of inference.

May import numpy, cv2, and guardian's model, interfaces and platform; never a runtime (those are plugins).
"""
