# nsenter unshare
unshare -m sh -c 'echo apart'; echo $?; unshare --nonsense 2>&1 | head -1; nsenter -t $$ -m echo there; echo $?
