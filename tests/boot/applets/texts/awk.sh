# awk
awk '{ sum[$2] += $1 } END { for (n in sum) print n, sum[n] }' text | sort
awk -F 'm' 'NR % 10 == 0 { printf "%s-%d|", $2, length($0) }' text; echo
awk 'BEGIN { "echo inner" | getline x; print toupper(x); print 2^10 | "cat"; close("cat")
     print substr("abcdef", 3, 2), index("xyz", "z"), sprintf("%5.2f", 3.14159)
     while (("cat text" | getline line) > 0) n++; print n; exit 3 }'; echo $?
awk 'BEGIN { x = "a b c"; n = split(x, p, " "); gsub(/b/, "<&>", x); print n, p[2], x }'
