"""The parts of `kernel/process`, in the order of reading."""

from kernel.process.advicecalls import AdviceCalls
from kernel.process.affinitycalls import AffinityCalls
from kernel.process.barriercalls import BarrierCalls
from kernel.process.capabilitycalls import CapabilityCalls
from kernel.process.capabilityrules import CapabilityRules
from kernel.process.clocksettingcalls import ClockSettingCalls
from kernel.process.clonecalls import CloneCalls
from kernel.process.clones import Clones
from kernel.process.comparisoncalls import ComparisonCalls
from kernel.process.controlcalls import ControlCalls
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.daysettings import DaySettings
from kernel.process.epollcalls import EpollCalls
from kernel.process.eventcalls import EventCalls
from kernel.process.exits import Exits
from kernel.process.extendedattributecalls import ExtendedAttributeCalls
from kernel.process.extendedstatuscalls import ExtendedStatusCalls
from kernel.process.filecalls import FileCalls
from kernel.process.filestates import FileStates
from kernel.process.filesystemcalls import FileSystemCalls
from kernel.process.futexcalls import FutexCalls
from kernel.process.futexvectorcalls import FutexVectorCalls
from kernel.process.groupcalls import GroupCalls
from kernel.process.grouplistcalls import GroupListCalls
from kernel.process.identitycalls import IdentityCalls
from kernel.process.inotifycalls import InotifyCalls
from kernel.process.inspection import Inspection
from kernel.process.intervalcalls import IntervalCalls
from kernel.process.intervaltimers import IntervalTimers
from kernel.process.jobcontrol import JobControl
from kernel.process.killcalls import KillCalls
from kernel.process.limitcalls import LimitCalls
from kernel.process.lockcalls import LockCalls
from kernel.process.lockrequeues import LockRequeues
from kernel.process.logcalls import LogCalls
from kernel.process.logreader import LogReader
from kernel.process.machinecalls import MachineCalls
from kernel.process.memorycalls import MemoryCalls
from kernel.process.memorykiller import MemoryKiller
from kernel.process.memorylimits import MemoryLimits
from kernel.process.memoryscores import MemoryScores
from kernel.process.messagecalls import MessageCalls
from kernel.process.messagequeuecalls import MessageQueueCalls
from kernel.process.mountcalls import MountCalls
from kernel.process.namecalls import NameCalls
from kernel.process.namespacecalls import NamespaceCalls
from kernel.process.openhow import OpenHows
from kernel.process.orphans import Orphans
from kernel.process.parentreports import ParentReports
from kernel.process.pathcalls import PathCalls
from kernel.process.personalitycalls import PersonalityCalls
from kernel.process.pidfdcalls import PidfdCalls
from kernel.process.policies import Policies
from kernel.process.policychanges import PolicyChanges
from kernel.process.pollcalls import PollCalls
from kernel.process.posixtimers import PosixTimers
from kernel.process.prioritycalls import PriorityCalls
from kernel.process.prioritylocks import PriorityLocks
from kernel.process.privatecalls import PrivateCalls
from kernel.process.processcalls import ProcessCalls
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.processgroups import ProcessGroups
from kernel.process.processids import ProcessIds
from kernel.process.processmemorycalls import ProcessMemoryCalls
from kernel.process.processnotifications import ProcessNotifications
from kernel.process.processorclocks import ProcessorClocks
from kernel.process.processprograms import ProcessPrograms
from kernel.process.processsummaries import ProcessSummaries
from kernel.process.processtimers import ProcessTimers
from kernel.process.processtimes import ProcessTimes
from kernel.process.randomcalls import RandomCalls
from kernel.process.recordcontrol import RecordControl
from kernel.process.restartablecalls import RestartableCalls
from kernel.process.schedulingcalls import SchedulingCalls
from kernel.process.semaphorecalls import SemaphoreCalls
from kernel.process.sharedmemorycalls import SharedMemoryCalls
from kernel.process.signalcalls import SignalCalls
from kernel.process.signalfiles import SignalFiles
from kernel.process.signalrecord import SignalRecords
from kernel.process.spacecalls import SpaceCalls
from kernel.process.splicecalls import SpliceCalls
from kernel.process.stampcalls import StampCalls
from kernel.process.standardfiles import StandardFiles
from kernel.process.statuscalls import StatusCalls
from kernel.process.stops import Stops
from kernel.process.systemnamecalls import SystemNameCalls
from kernel.process.tasklimits import TaskLimits
from kernel.process.tasks import Tasks
from kernel.process.tasksearch import TaskSearch
from kernel.process.timecalls import TimeCalls
from kernel.process.timercalls import TimerCalls
from kernel.process.timerfilecalls import TimerFileCalls
from kernel.process.timespec import TimeSpecs
from kernel.process.transfercalls import TransferCalls
from kernel.process.undolists import UndoLists
from kernel.process.unsharing import Unsharing
from kernel.process.usagecalls import UsageCalls
from kernel.process.usages import Usages
from kernel.process.userpath import UserPaths
from kernel.process.userreturn import UserReturn
from kernel.process.usertimes import UserTimes
from kernel.process.userusages import UserUsages
from kernel.process.userwork import UserWork
from kernel.process.vectorcalls import VectorCalls
from kernel.process.waitcalls import WaitCalls
from kernel.process.waitmasks import WaitMasks
from kernel.process.waits import Waits
from pykasm import *

CONTENTS: Contents = (
    ProcessIds,  # the numbers of processes, threads
    ProcessGroups,  # and of jobs and sessions
    Orphans,  # groups of processes that nobody looks after
    ParentReports,  # what parents are told of their children
    Processes,  # programs that run
    ProcessTimes,  # for how long
    Usages,  # what else they have used
    TaskSearch,  # their threads, by numbers
    TaskLimits,  # how many threads users may have
    ProcessSummaries,  # what is told of them in short
    ProcessPrograms,  # the files that they run
    FileStates,  # what their threads have of files
    StandardFiles,  # the first of these
    UserPaths,  # names that they give
    RecordControl,  # locks of parts of files
    FileCalls,  # system calls for open files
    ProcessFiles,  # files that stand for processes
    Inspection,  # what others have
    PidfdCalls,  # system calls for these
    ComparisonCalls,  # and for what they have in common
    VectorCalls,  # for several parts of memory at once
    UserTimes,  # times that they give
    WaitMasks,  # signals that are blocked while they wait
    PollCalls,  # for several at once
    EpollCalls,  # and for sets of them
    OpenHows,  # how they want files to be opened
    PathCalls,  # system calls for names
    NameCalls,  # and for looking at these alone
    StatusCalls,  # and for what is told of files
    ExtendedStatusCalls,  # in more detail
    ExtendedAttributeCalls,  # and of what is said of them
    StampCalls,  # and for their times
    MountCalls,  # and for file systems as a whole
    InotifyCalls,  # and for watching them
    FileSystemCalls,  # and for their kinds
    Unsharing,  # what they share of these
    NamespaceCalls,  # system calls for that
    LockCalls,  # and for locking them
    TransferCalls,  # and between two files
    SpliceCalls,  # and pipes
    SpaceCalls,  # and for the room that they take
    SignalRecords,  # what is told of signals
    SignalFiles,  # in files
    EventCalls,  # and for files without names
    MemoryLimits,  # how much memory they may have
    MemoryScores,  # who gives way when memory is out
    MemoryKiller,  # and what ends where there is none
    MemoryCalls,  # and for memory
    AdviceCalls,  # and for how it is used
    ProcessMemoryCalls,  # and for that of others
    JobControl,  # terminals and jobs
    IntervalTimers,  # the timers that each of them has
    ProcessTimers,  # timers by processor time
    PosixTimers,  # those that they make
    UndoLists,  # what is undone in semaphores when they end
    PriorityLocks,  # locks that inherit priorities
    LockRequeues,  # and condition variables of these
    Exits,  # how their threads end, and they with them
    ProcessCalls,  # system calls about themselves
    Stops,  # how they come to rest while they are stopped
    UserWork,  # what is to be done before a program goes on
    UserReturn,  # the way to it
    GroupCalls,  # system calls about groups and sessions
    CredentialChanges,  # how they become others
    CapabilityRules,  # and what they may then
    IdentityCalls,  # system calls about who they are
    GroupListCalls,  # of which groups
    CapabilityCalls,  # and about what they may
    LimitCalls,  # and about limits of what they use
    ControlCalls,  # and about what else they say of themselves
    PersonalityCalls,  # how their surroundings look
    SystemNameCalls,  # system calls about the machine's name
    MachineCalls,  # about the machine
    LogReader,  # what they see of the kernel's log
    LogCalls,  # by which system call
    RandomCalls,  # for random bytes
    Policies,  # how they are chosen to run
    PriorityCalls,  # about how urgent they are
    PolicyChanges,  # and who may change that
    AffinityCalls,  # where they may run
    SchedulingCalls,  # about how they are scheduled
    Tasks,  # threads of programs
    Clones,  # how they make others
    CloneCalls,  # system calls for that
    TimeSpecs,  # times of programs
    DaySettings,  # the time of day, which they set
    ClockSettingCalls,  # system calls for that
    ProcessorClocks,  # clocks that show for how long they have run
    TimeCalls,  # system calls that tell the time and wait
    IntervalCalls,  # for the timers that each process has
    TimerCalls,  # for those that they make
    TimerFileCalls,  # and those that are files
    UserUsages,  # what they are told of what they have used
    UsageCalls,  # system calls for that
    FutexCalls,  # and for words to change
    FutexVectorCalls,  # for one of several of these
    SemaphoreCalls,  # for sets of semaphores
    MessageCalls,  # for message queues
    SharedMemoryCalls,  # for shared memory
    ProcessNotifications,  # what they are told of message queues
    MessageQueueCalls,  # system calls for these, POSIX's
    BarrierCalls,  # and for others to see what was written
    RestartableCalls,  # for what is done without an interruption, or again
    PrivateCalls,  # system calls for tests
    Waits,  # how processes wait for their children
    WaitCalls,  # system calls for that
    KillCalls,  # system calls that send signals
    SignalCalls,  # system calls about their signals
)
