# syslogd logread klogd
logread >/dev/null 2>&1; echo $?; klogd -x 2>&1 | head -1
