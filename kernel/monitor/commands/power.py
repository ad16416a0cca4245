"""Commands that end the run."""

from kernel.monitor.command import Commands, command
from kernel.power.power import Power
from kernel.text.strings import Words
from pykasm import *


class PowerCommands(Commands):
    """`reboot` and `poweroff`."""

    def __init__(self, power: Power) -> None:
        self.power = power
        self.commands = [
            command("reboot", "", "start the machine again", self.reboot),
            command("poweroff", "", "switch the machine off", self.poweroff),
        ]

    @function
    def reboot(self, words: Ptr[Words]) -> U32:
        """Start the machine again; nothing returns."""
        self.power.reboot()

    @function
    def poweroff(self, words: Ptr[Words]) -> U32:
        """Switch the machine off; nothing returns."""
        self.power.power_off()
