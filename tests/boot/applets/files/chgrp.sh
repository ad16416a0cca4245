# chgrp chmod chown
chmod 7640 text; ls -l text | cut -c1-10; chmod u=rwx,g-r,o+t text; ls -l text | cut -c1-10; mkdir -p d/e; chmod -R a-w d; stat -c %a d d/e
chmod 9 text; chmod 600 none; echo $?; chown $(id -u):$(id -g) text; echo $?; chgrp $(id -g) none; echo $?; umask 027; touch n; mkdir m; stat -c '%n %a' n m
chmod +x n; chmod =r m; stat -c %a n m
