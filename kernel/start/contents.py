"""The parts of `kernel/start`, in the order of reading."""

from kernel.start.firstprogram import FirstProgram
from kernel.start.init import Init
from kernel.start.order import EarlySteps, LateSteps, MainSteps
from kernel.start.resources import ProcessorResources
from kernel.start.secondaries import Secondaries
from kernel.start.secondary import SecondaryStart
from kernel.start.secondaryorder import SecondarySteps
from kernel.start.start import Start
from kernel.start.trampoline import Trampoline
from pykasm import *

CONTENTS: Contents = (
    Start,  # from the loader's jump to 64-bit code
    Init,  # the order in which the kernel comes up
    EarlySteps,  # what starts before anything is known of the machine
    MainSteps,  # the order in which all else starts
    LateSteps,  # what starts with interrupts on
    FirstProgram,  # the program that it begins with
    Secondaries,  # how the other processors are woken
    ProcessorResources,  # the memory that each of them needs
    Trampoline,  # the 16-bit code that each begins with
    SecondaryStart,  # how it becomes one of the kernel's
    SecondarySteps,  # what starts on each of them
)
