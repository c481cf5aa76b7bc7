"""The machine behind seams that tests can own: time, tasks, programs, private files, logs. The only place that touches them."""
