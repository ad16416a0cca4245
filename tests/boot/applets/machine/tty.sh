# tty stty
tty; echo $?; stty 2>&1 </dev/null | cut -c1-30; tty -s; echo $?
