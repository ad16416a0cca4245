# shuf
shuf text | sort | cmp - /dev/null | cut -c1-3; shuf -i 1-50 | sort -n | tail -1; shuf -n 3 text | wc -l; shuf -e a | cat
