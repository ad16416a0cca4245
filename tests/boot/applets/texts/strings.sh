# strings
printf 'ab\0longer text\0\1xyzzy\n' >b; strings b; strings -n 2 -o b; strings -t x b
