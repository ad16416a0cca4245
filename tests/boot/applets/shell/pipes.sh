# pipes
f() { cat | cat | cat | cat | cat | cat | cat | cat | cat | cat; }; seq 20000 | f | f | md5sum; seq 50000 | f | f | head -1
exec 3>&1; { echo out; echo err >&2; } 2>&1 >&3 | sed s/^/e:/; mkfifo p; tee p <text | tail -1 >t & md5sum <p; wait; cat t
set -o pipefail; false | true; echo $?; yes | f | head -3; (echo a; exec >&-; echo b) 2>&1; echo x | (read y; echo $y; read z; echo $?)
