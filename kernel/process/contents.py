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
from kernel.process.coredumps import CoreDumps
from kernel.process.corefiles import CoreFiles
from kernel.process.corenames import CoreNames
from kernel.process.corenotes import CoreNotes
from kernel.process.coreregions import CoreRegions
from kernel.process.corerests import CoreRests
from kernel.process.corestreams import CoreStreams
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.daysettings import DaySettings
from kernel.process.dumpsettings import DumpSettings
from kernel.process.entrycalls import EntryCalls
from kernel.process.epollcalls import EpollCalls
from kernel.process.eventcalls import EventCalls
from kernel.process.exits import Exits
from kernel.process.extendedattributecalls import ExtendedAttributeCalls
from kernel.process.extendedstatuscalls import ExtendedStatusCalls
from kernel.process.filecalls import FileCalls
from kernel.process.filestates import FileStates
from kernel.process.filesystemcalls import FileSystemCalls
from kernel.process.fscontextcalls import FsContextCalls
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
from kernel.process.namestarts import NameStarts
from kernel.process.openedprocesses import OpenedProcesses
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
from kernel.process.taskcopies import TaskCopies
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
    DumpSettings,  # how processes leave their memory in files
    ProcessIds,  # the numbers of processes, threads, groups and sessions
    ProcessGroups,  # jobs and sessions
    Orphans,  # groups of processes that nobody looks after
    ParentReports,  # what parents are told of their children
    Processes,  # the records of programs that run
    ProcessTimes,  # for how long the threads of a process have run
    Usages,  # what else processes have used
    TaskSearch,  # threads of programs by their numbers
    TaskLimits,  # how many threads users may have
    ProcessSummaries,  # what is told of processes in short
    ProcessPrograms,  # the files of the programs that processes run
    FileStates,  # what threads have of files: numbers, directories, rights
    StandardFiles,  # input, output and errors of a program that the kernel starts
    UserPaths,  # names of files that programs give
    RecordControl,  # locks of parts of files
    FileCalls,  # system calls for open files by their numbers
    ProcessFiles,  # files that stand for processes
    Inspection,  # looking into other processes, as far as one may
    PidfdCalls,  # system calls for files that stand for processes
    ComparisonCalls,  # kcmp(2): whether two threads have the same
    VectorCalls,  # reading and writing several parts of memory at once
    UserTimes,  # times that programs give as deadlines
    WaitMasks,  # signals that are blocked while a call waits
    PollCalls,  # poll(2), select(2): waiting for several files
    EpollCalls,  # epoll(7): sets of watched files
    OpenHows,  # whether flags for opening a file go together
    NameStarts,  # names that programs give, and the directories where they begin
    PathCalls,  # opening files by their names: open(2), openat2(2)
    EntryCalls,  # names that are made, removed and moved: mkdir(2), unlink(2), rename(2)
    FsContextCalls,  # chdir(2), chroot(2), umask(2)
    NameCalls,  # looking along names: readlink(2), access(2), getcwd(2)
    StatusCalls,  # stat(2), chmod(2), chown(2), truncate(2), getdents(2)
    ExtendedStatusCalls,  # statx(2)
    ExtendedAttributeCalls,  # extended attributes of files (xattr(7))
    StampCalls,  # setting the times of files
    MountCalls,  # mount(2), umount2(2), statfs(2)
    InotifyCalls,  # watching files (inotify(7))
    FileSystemCalls,  # sysfs(2), ustat(2): kinds of file systems
    Unsharing,  # namespaces and other things that a thread stops sharing
    NamespaceCalls,  # unshare(2), setns(2), pivot_root(2)
    LockCalls,  # flock(2): locks of whole files
    TransferCalls,  # sendfile(2), copy_file_range(2)
    SpliceCalls,  # splice(2), tee(2), vmsplice(2): moving pages of pipes
    SpaceCalls,  # the room that files take: fallocate(2), fadvise64(2)
    SignalRecords,  # what programs are told of a signal
    SignalFiles,  # signals read from a file (signalfd(2))
    EventCalls,  # files without names: eventfd(2), signalfd(2), memfd_create(2)
    MemoryLimits,  # how much memory a process may have mapped or locked
    MemoryScores,  # which process gives way when memory is out
    MemoryKiller,  # ending a process when memory is out
    MemoryCalls,  # mmap(2), munmap(2), mprotect(2), brk(2)
    AdviceCalls,  # madvise(2), mlock(2), mincore(2)
    ProcessMemoryCalls,  # reading and writing the memory of other processes
    JobControl,  # terminals of sessions, and which job is in front
    IntervalTimers,  # the three timers that each process has (setitimer(2))
    ProcessTimers,  # timers that count processor time
    PosixTimers,  # timers that processes make (timer_create(2))
    UndoLists,  # what is undone in semaphores when they end
    PriorityLocks,  # futexes whose holders inherit priorities
    LockRequeues,  # waiting for a condition, then for such a lock
    CoreRests,  # threads that wait while one leaves their memory in a file
    Exits,  # how threads end, and their process with the last
    ProcessCalls,  # system calls about the process itself
    Stops,  # how threads come to rest while their process is stopped
    SystemNameCalls,  # uname(2), sethostname(2)
    CoreStreams,  # writing what processes leave behind that signals end
    CoreRegions,  # which memory that is
    CoreNotes,  # what else is told of threads, signals and files
    CoreFiles,  # core files as a whole (core(5))
    CoreNames,  # how core files are called
    CoreDumps,  # when there is a core file
    UserWork,  # what is to be done before a program goes on
    UserReturn,  # the way back to a program
    GroupCalls,  # system calls about groups and sessions
    CredentialChanges,  # how processes become others' (setuid(2))
    CapabilityRules,  # what becomes of capabilities then
    IdentityCalls,  # system calls for users and groups
    GroupListCalls,  # getgroups(2), setgroups(2)
    CapabilityCalls,  # capget(2), capset(2)
    LimitCalls,  # prlimit(2) and its like
    ControlCalls,  # prctl(2)
    PersonalityCalls,  # personality(2)
    MachineCalls,  # reboot(2), iopl(2), getcpu(2)
    LogReader,  # the kernel's log for programs
    LogCalls,  # syslog(2)
    RandomCalls,  # getrandom(2)
    Policies,  # by which policy and priority threads are scheduled
    PriorityCalls,  # getpriority(2), setpriority(2)
    PolicyChanges,  # who may change policies and priorities
    AffinityCalls,  # on which processors threads may run
    SchedulingCalls,  # sched_setscheduler(2) and its like
    Tasks,  # threads of programs
    TaskCopies,  # copying the thread that runs, as far as flags say
    OpenedProcesses,  # files that stand for processes while these are being made
    Clones,  # making processes and threads like the one that runs
    CloneCalls,  # clone(2), fork(2), vfork(2)
    TimeSpecs,  # times of programs
    DaySettings,  # setting the time of day
    ClockSettingCalls,  # settimeofday(2), adjtimex(2)
    ProcessorClocks,  # clocks that show for how long they have run
    TimeCalls,  # system calls that tell the time and wait
    IntervalCalls,  # setitimer(2), alarm(2)
    TimerCalls,  # timer_create(2) and its like
    TimerFileCalls,  # timerfd_create(2) and its like
    UserUsages,  # used resources as programs are told of them
    UsageCalls,  # getrusage(2), times(2)
    FutexCalls,  # waiting for words of memory to change (futex(2))
    FutexVectorCalls,  # futex_waitv(2): waiting for one of several words
    SemaphoreCalls,  # System V's sets of semaphores
    MessageCalls,  # System V's message queues
    SharedMemoryCalls,  # System V's shared memory
    ProcessNotifications,  # telling a process of messages (mq_notify(3))
    MessageQueueCalls,  # POSIX's message queues
    BarrierCalls,  # membarrier(2)
    RestartableCalls,  # rseq(2)
    PrivateCalls,  # system calls for tests
    Waits,  # how processes wait for their children
    WaitCalls,  # wait4(2), waitid(2)
    KillCalls,  # kill(2) and its like
    SignalCalls,  # sigaction(2), sigprocmask(2) and their like
)
