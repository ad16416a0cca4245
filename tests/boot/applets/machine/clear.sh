# clear reset
TERM=vt100 clear | od -c; TERM=vt100 reset </dev/null | od -c | head -1
