# expand unexpand
printf 'a\tbc\td\n        x\n' >t; expand -t 4 t | od -c; unexpand t | od -c; unexpand -a -t 2 t
