# sysctl
sysctl -n kernel.ostype; sysctl kernel.none; echo $?; sysctl -n kernel.pid_max | grep -c '^[0-9]*$'
