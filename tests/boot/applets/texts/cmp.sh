# cmp
cp text b; echo x >>b; cmp text b; echo $?; printf 'abc' >1; printf 'abd' >2; cmp -l 1 2; cmp -s 1 2; echo $?
