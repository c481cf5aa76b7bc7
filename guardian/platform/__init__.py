"""The machine behind seams that tests can own: clock, tasks, files, processes, links, logs. Imports `model` only."""
