# tr
tr a-z A-Z <text | tail -1; tr -d 0-9 <text | uniq | head -2; echo aabbcc | tr -s ab; echo hello | tr -c 'a-y' _; echo a1 | tr '[:alpha:][:digit:]' 'x*'
