# devmem
devmem 2>&1 | head -1; devmem x; echo $?
