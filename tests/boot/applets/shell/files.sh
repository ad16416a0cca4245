# files
echo one >a; echo two >>a; cat <a; exec 4<a; read x <&4; read y <&4; echo $y $x; set -C; echo no >a; echo $?; echo yes >|a; cat a; : >b; [ -s b ]; echo $?
umask 077; >c; stat -c %a c; cd /; pwd; cd -  >/dev/null; cd none; echo $?; type cd ls | head -1; ulimit -n 20; ulimit -n; ls /dev/fd/ >/dev/null; echo $?; >/none/x; echo $?; cat <none; echo $?
. ./text 2>&1 | head -1; echo 'echo sourced $1' >s; . ./s word; chmod +x s; ./s arg; echo '#!/bin/none' >t; chmod +x t; ./t; echo $?; ./text; echo $?; none; echo $?; exec none; echo never
