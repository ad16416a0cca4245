# sleep usleep
sleep 0.01; echo $?; sleep x; echo $?; usleep 10; echo $?; sleep 0.01 0.01; sleep; echo $?
