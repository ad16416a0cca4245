# tee
echo one | tee a b | cat; echo two | tee -a a; cat a b; echo x | tee /none/y; echo $?
