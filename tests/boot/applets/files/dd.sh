# dd
dd if=text bs=10 count=3 skip=1 2>/dev/null; dd if=/dev/zero of=z bs=1k seek=4 count=1 2>&1 | head -2; ls -l z | awk '{ print $5 }'; dd if=text of=z conv=notrunc bs=1 count=4 2>/dev/null; head -c 4 z; wc -c z; dd if=none; echo $?; echo abc | dd ibs=1 obs=2 conv=sync status=none | od -c; dd if=/dev/full of=x bs=4 count=2 status=none; dd if=text of=/dev/full; echo $?
