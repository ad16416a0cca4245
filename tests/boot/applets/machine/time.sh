# time
time -f '%x %C' sh -c 'exit 3'; echo $?; time -p true 2>&1 | cut -d' ' -f1; time -v true 2>&1 | wc -l
