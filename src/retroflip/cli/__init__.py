"""The command line: parse, call, print. Heavy libraries are imported inside the commands, so that --help is quick."""

from retroflip.cli.app import app, main

__all__ = ["app", "main"]
