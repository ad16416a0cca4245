# ipcalc
ipcalc -b -n -m 10.1.2.3/20; ipcalc 192.168.1.5 255.255.255.0 -p; ipcalc x; echo $?
