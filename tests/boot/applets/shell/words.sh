# words
set -- a 'b c' d; for w in "$@"; do echo "$w"; done; echo $#; shift 2; echo $*; x='*.none text'; echo $x; echo "$x"; echo te*
y=abcabc; echo ${y#*b} ${y##*b} ${y%b*} ${y%%b*} ${#y} ${y:2:2} ${y/b/X} ${y//b/X} ${z:-d} ${z:=e} $z ${y:+f}; IFS=:; p=1:2:3; echo $p
case $y in x*) echo x;; a?c*) echo matches;; esac; i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done; until false; do break; done
read a b <<X
first second third
X
echo "$b" "$a"; printf '%s|' $(printf 'q:r'); echo; eval 'echo ${y}'; unset y; echo ${y-unset}; getopts ab: o -b v; echo $o $OPTARG
