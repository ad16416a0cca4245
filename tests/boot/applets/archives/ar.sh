# ar
printf 'some' >a; ar -r x.a a text 2>/dev/null; echo '!<arch>' >y.a; printf '%-16s%-12s%-6s%-6s%-8s%-10s`\nsome' a/ 0 0 0 100644 4 >>y.a; ar -t y.a; ar -p y.a; ar -x y.a; cat a; ar -t none; echo $?
