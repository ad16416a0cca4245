# taskset
taskset 1 sh -c 'taskset -p $$' | sed 's/^.*s/s/'; taskset -c 0 echo on 0; taskset 0 true; echo $?; taskset -p 999999; echo $?
