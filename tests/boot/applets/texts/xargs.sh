# xargs
cut -d' ' -f2 text | sort -u | xargs; seq 5 | xargs -n 2 echo; printf 'a b\0c' | xargs -0 -n 1 echo; echo x | xargs -I@ echo @-@
seq 3 | xargs -n1 sh -c 'exit $0'; echo $?; echo | xargs -r echo no; seq 2000 | xargs -s 5000 | wc -l; seq 4 | xargs -P 4 -n 1 sh -c 'echo $0' | sort
