# arch uname linux32 linux64
arch; uname -s -m -o; linux32 uname -m; linux32 linux64 uname -m; linux32 arch; uname -x; echo $?
