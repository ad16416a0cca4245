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
    def reboot(self, words: Ptr[Words]) -> Bool:
        """Restart the machine; never return."""
        self.power.reboot()

    @function
    def poweroff(self, words: Ptr[Words]) -> Bool:
        """Switch the machine off; never return."""
        self.power.power_off()
