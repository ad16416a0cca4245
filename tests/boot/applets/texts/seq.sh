# seq
seq 3; seq 2 3 10; seq -w 8 11; seq -s, 5; seq 3 -1 1; seq 1 0.5 2; seq; echo $?
