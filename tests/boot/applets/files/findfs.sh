# findfs mkdosfs mke2fs mkswap
for make in mkdosfs 'mke2fs -F' mkswap; do truncate -s 4M disk; $make disk >said 2>&1; echo $?; wc -l said; wc -c disk; rm disk; done
truncate -s 4M disk; mkdosfs -n NAME disk >/dev/null; od -c -j 54 -N 8 disk; findfs LABEL=none; echo $?
