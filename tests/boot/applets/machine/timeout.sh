# timeout
timeout 0.1 sleep 10; echo $?; timeout 5 echo quick; timeout -s KILL 0.1 sleep 10; echo $?; timeout 5 sh -c 'exit 4'; echo $?; timeout x; echo $?; timeout 5 none; echo $?
