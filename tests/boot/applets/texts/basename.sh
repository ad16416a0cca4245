# basename dirname
basename /a/b.c .c; dirname /a/b/c; basename /; dirname x; dirname /a; basename; echo $?
