# microcom more less
more text | md5sum; less text | md5sum; more none; echo $?
