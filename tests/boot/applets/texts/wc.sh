# wc
wc text; wc -l <text; wc -L text; wc text text none; echo $?; printf 'a b\nc' | wc
