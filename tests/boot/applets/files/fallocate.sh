# fallocate truncate
fallocate -l 10000 f; wc -c f; du f; fallocate -l 100 -o 20000 f; wc -c f; truncate -s 5 text; cat text; echo; truncate -s 20000 text; wc -c text; fallocate -l 0 f; echo $?; truncate -c -s 3 none; ls
