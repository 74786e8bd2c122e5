"""Run the command line as `python -m retroflip`."""

from retroflip.cli import main

main()
