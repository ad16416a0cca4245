# sort
sort -n text | head -5; sort -k2,2 -k1,1nr text | tail -3; sort -u -k2,2 text; sort -r text | head -2
printf 'b\0a\0' | sort -z | od -c; sort -c text; echo $?; sort -t' ' -k1.2,1.2 -s text | head -4
printf '10K\n9M\n1G\n' | sort -h; printf '1.10\n1.9\n' | sort -V; printf 'Mar\nJan\n' | sort -M; sort -o out text; wc -l out
