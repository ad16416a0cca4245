# du
mkdir d; dd if=/dev/zero of=d/a bs=4k count=5 2>/dev/null; du -k d/a; truncate -s 1M d/s; du d/s; du -a d | sort -k2 | cut -f2; ln d/a d/h; du -s d; du none; echo $?; du -h d/a; du -c d/a d/a
