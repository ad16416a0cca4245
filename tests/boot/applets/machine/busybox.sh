# busybox
busybox echo through; busybox | head -1; busybox none; echo $?; busybox --list | md5sum; busybox echo --help 2>&1 | head -3
