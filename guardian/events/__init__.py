"""Rules of events: when something that is tracked becomes one, goes on and ends. Pure: no clock, no I/O.

Imports the model only; whoever assembles the camera's process hands these rules to the watcher.
"""
