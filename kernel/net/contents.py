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
    SocketReferences,  # counting and freeing sockets
    SocketIdentities,  # the process, user and group that use a socket
    SocketWaits,  # waiting for a socket, as its timeouts say
    SocketDefaults,  # what is done where a protocol says nothing
    InFlight,  # open files on their way in messages
    UnixGarbage,  # sockets that only messages on their way lead to
    PassedFileStore,  # sets of open files in messages
    Sockets,  # the files of sockets
    SocketNumbers,  # sockets by the numbers of their files
    SocketBuffers,  # bytes on their way, with what comes with them
    UnixAddresses,  # addresses of sockets of this machine
    UnixNames,  # which socket has which name, in directories or outside
    UnixClients,  # who sends to a socket that takes single messages
    UnixQueues,  # what has come to a socket and waits to be received
    UnixSockets,  # making sockets, in pairs too, and closing them
    UnixConnections,  # listening, connecting and accepting
    UnixSending,  # buffers for what is sent
    UnixReceiving,  # files and addresses that come with what is received
    UnixStreams,  # bytes in a row, without ends of messages
    UnixMessages,  # messages one by one
    UnixRequests,  # what ioctl(2) asks of sockets of this machine
    UnixFamily,  # the table of all that sockets of this machine do
    AddressCopies,  # addresses from programs and to them
    ControlMessages,  # open files and credentials that programs send
    ControlStores,  # open files and credentials that programs receive
    SocketOptions,  # options of sockets (socket(7))
    SocketCalls,  # socket(2), socketpair(2), shutdown(2)
    ConnectionCalls,  # bind(2), listen(2), connect(2), accept(2)
    SocketMessageCalls,  # sendmsg(2), recvmsg(2) and their like
    OptionCalls,  # getsockopt(2), setsockopt(2)
)
