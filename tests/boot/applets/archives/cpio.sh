# cpio
mkdir d e; cp text d/a; ln -s a d/l; mkfifo d/f; ln d/a d/h; find d | sort | cpio -o -H newc >x; cpio -t <x; (cd e; cpio -idm <../x; ls -lR . | awk '{ print $1, $2, $9, $10, $11 }'; cmp d/a d/h && test d/a -ef d/h && echo same)
