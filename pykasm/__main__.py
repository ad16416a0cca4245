"""`python -m pykasm`."""

from pykasm.cli.main import main

main()
