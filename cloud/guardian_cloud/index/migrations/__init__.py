"""Revisions of the tables, run by `guardian-cloud migrate`."""
