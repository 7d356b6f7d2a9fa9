"""The audience workbench."""
