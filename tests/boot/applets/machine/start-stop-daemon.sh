# start-stop-daemon
start-stop-daemon -S -b -m -p pid -x $(readlink -f /proc/self/exe) -- sleep 1000; sleep 0.3; kill -0 $(cat pid); echo $?; start-stop-daemon -S -p pid -x $(readlink -f /proc/self/exe) -- sleep 7; echo $?
start-stop-daemon -K -p pid | sed 's/[0-9]\+/N/'; start-stop-daemon -K -p pid; echo $?
