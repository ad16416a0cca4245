"""Commands that try and measure the kernel."""

from kernel.monitor.command import Commands, command
from kernel.selftest.benchmarks import Benchmarks
from kernel.selftest.tests import SelfTests
from kernel.text.strings import Words
from pykasm import *


class SelfTestCommands(Commands):
    """`test` and `bench`."""

    def __init__(self, tests: SelfTests, benchmarks: Benchmarks) -> None:
        self.tests = tests
        self.benchmarks = benchmarks
        self.commands = [
            command("test", "[NAME|all]", "test the kernel, or list the tests", self.test),
            command("bench", "[NAME|all]", "measure the kernel", self.bench),
        ]

    @function(sleeps=True)
    def test(self, words: Ptr[Words]) -> U32:
        """Run tests, or list them."""
        with if_(words.count == 1):
            self.tests.list()
        with else_():
            self.tests.run(words.word[1])
        ret(1)

    @function(sleeps=True)
    def bench(self, words: Ptr[Words]) -> U32:
        """Run benchmarks, or list them."""
        with if_(words.count == 1):
            self.benchmarks.list()
        with else_():
            self.benchmarks.run(words.word[1])
        ret(1)
