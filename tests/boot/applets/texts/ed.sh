# ed
printf '%s\n' '3,5p' '/name6/' 's/name/NAME/' 'a' 'added' '.' '$=' 'w out' 'q' | ed text; head -9 out
