# passwd
passwd none; echo $?
