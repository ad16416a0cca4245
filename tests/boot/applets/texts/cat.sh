# cat
cat text - text < text | wc; cat -n text | tail -2; printf 'a\tb\001\n' | cat -A; cat none; echo $?
