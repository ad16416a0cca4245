"""`python -m pykasm`."""

from pykasm.commands.main import main

main()
