# diff
sed 5d text >b; echo new >>b; diff text b; echo $?; diff -u text b | sed 1,2d; diff -q text b
mkdir x y; cp text x; cp b y/text; echo 1 >x/only; diff -r x y | grep -v '^[-+ ]'; diff x x; echo $?
