"""The Private AI Guardian, edge tier. Importing this package costs nothing and touches nothing."""

__version__ = "0.1.0"
