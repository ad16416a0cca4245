# renice
renice -n 3 $$; echo $?; renice 5 -p 999999; echo $?; cut -d' ' -f19 /proc/self/stat | grep -c -v ^0
