# head tail
head -3 text; tail -2 text; head -c 10 text; tail -c 10 text; tail -n +38 text; head -n -37 text
head -1 text text none; echo $?; seq 9 >f; (tail -f f & sleep 1; echo 10 >>f; sleep 2; kill $!)
