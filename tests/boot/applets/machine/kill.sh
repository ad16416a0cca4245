# kill killall pidof
sleep 1000 & kill -l 9; kill $!; wait $!; echo $?; kill -0 999999; echo $?; sleep 1001 & kill -STOP $!; kill -CONT $!; kill -s KILL $!; wait $!; echo $?
sh -c 'kill -USR1 $$'; echo $?; kill -l | head -3; killall none; echo $?; pidof none; echo $?; trap 'echo got' TERM; kill $$; kill -NONE 1; echo $?
