# echo
echo -e 'a\tb\x41\0101\c'; echo; echo -n a; echo -n; echo ' -n'
