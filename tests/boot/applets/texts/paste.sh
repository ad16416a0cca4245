# paste
seq 4 | paste - -; seq 3 >a; seq 7 9 >b; paste -d: a b; paste -s -d, a b
