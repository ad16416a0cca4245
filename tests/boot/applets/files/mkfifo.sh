# mkfifo mknod
mkfifo f; ls -l f | cut -c1; (echo through >f &); cat f; mkfifo f; echo $?; mknod p p; ls -l p | cut -c1; mkfifo -m 600 q; stat -c '%a %F' q; mknod x; echo $?; (exec 3>f; seq 9 >&3; seq 10 12 >&3) & cat f | tail -1 | wc -c; wait
