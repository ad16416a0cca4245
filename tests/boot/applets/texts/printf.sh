# printf
printf '%05d|%-6s|%x|%c|%b|%%|%.3f\n' 42 ab 255 z 'a\tb' 3.14159; printf '%s-' 1 2 3; printf '%d\n' x; echo $?
