# [ [[ test
[ 3 -lt 5 ] && echo less; [[ abc = a* ]] && echo like; test -f text -a ! -d text; echo $?
[ -s text ] && [ -r text ] && [ ! -x text ] && [ text -ef ./text ] && echo all
touch -d 2001-01-01 old; [ text -nt old ] && echo newer; [ a ']'; [ -t 0 ]; echo $?
mkfifo f; ln -s none l; for o in b c d e f h L p S; do test -$o f; echo $o $?; done
test -L l && ! test -e l && echo dangling
