# setsid
setsid sh -c '[ $(ps -o pid,sid 2>/dev/null | awk "\$1 == $$ { print \$2 }") ]; cut -d" " -f6 /proc/self/stat | grep -c ^$$\$'; setsid none; echo $?; setsid true; echo $?
