# losetup blockdev blkdiscard fstrim
blockdev --getsz text; echo $?; blkdiscard text; echo $?; fstrim none; echo $?; losetup none; echo $?
