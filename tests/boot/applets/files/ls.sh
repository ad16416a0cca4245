# ls
mkdir d; ln -s text l; ln -s none m; mkfifo f; touch .h 'a b'; chmod 4755 d; ls; ls -a; ls -1p; ls -F; ls -A d; ls -l l | awk '{ print $1, $9, $10, $11 }'; ls -Ld l; ls none; echo $?
touch -d '2001-02-03 04:05:06' t; ls -l --full-time t | awk '{ print $6, $7 }'; ls -lt | tail -1 | awk '{ print $9 }'; ls -S | head -1; ls -r; ls -d */; ls -R d .; ls -s text; ls -i text | wc -w; ls -lh text | awk '{ print $5 }'; ls -C -w 20
