"""The parts of `kernel/net`, in the order of reading."""

from kernel.net.addresscopies import AddressCopies
from kernel.net.connectioncalls import ConnectionCalls
from kernel.net.controlmessages import ControlMessages
from kernel.net.controlstores import ControlStores
from kernel.net.inflight import InFlight
from kernel.net.optioncalls import OptionCalls
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socketbuffers import SocketBuffers
from kernel.net.socketcalls import SocketCalls
from kernel.net.socketdefaults import SocketDefaults
from kernel.net.socketidentities import SocketIdentities
from kernel.net.socketmessagecalls import SocketMessageCalls
from kernel.net.socketnumbers import SocketNumbers
from kernel.net.socketoptions import SocketOptions
from kernel.net.socketreferences import SocketReferences
from kernel.net.sockets import Sockets
from kernel.net.socketwaits import SocketWaits
from kernel.net.unixaddresses import UnixAddresses
from kernel.net.unixclients import UnixClients
from kernel.net.unixconnections import UnixConnections
from kernel.net.unixfamily import UnixFamily
from kernel.net.unixgarbage import UnixGarbage
from kernel.net.unixmessages import UnixMessages
from kernel.net.unixnames import UnixNames
from kernel.net.unixqueues import UnixQueues
from kernel.net.unixreceiving import UnixReceiving
from kernel.net.unixrequests import UnixRequests
from kernel.net.unixsending import UnixSending
from kernel.net.unixsockets import UnixSockets
from kernel.net.unixstreams import UnixStreams
from pykasm import *

CONTENTS: Contents = (
    SocketReferences,  # who has sockets
    SocketIdentities,  # who does something with them
    SocketWaits,  # and waits for that
    SocketDefaults,  # what is done, if their protocol says nothing
    InFlight,  # files on their way from one to another
    UnixGarbage,  # and those that nobody can come to there
    PassedFileStore,  # how these begin and end
    Sockets,  # the files of sockets
    SocketNumbers,  # by which numbers
    SocketBuffers,  # bytes on their way
    UnixAddresses,  # names within the machine
    UnixNames,  # and who has them
    UnixClients,  # who sends to whom there
    UnixQueues,  # what has come
    UnixSockets,  # ends of connections
    UnixConnections,  # and how these are made
    UnixSending,  # what goes out of them
    UnixReceiving,  # what comes in
    UnixStreams,  # bytes in a row
    UnixMessages,  # and one by one
    UnixRequests,  # what is asked of them
    UnixFamily,  # all of these
    AddressCopies,  # addresses that programs give
    ControlMessages,  # what they send beside bytes
    ControlStores,  # and receive
    SocketOptions,  # what they set
    SocketCalls,  # system calls for sockets
    ConnectionCalls,  # and for their connections
    SocketMessageCalls,  # for what goes over these
    OptionCalls,  # and for how
)
