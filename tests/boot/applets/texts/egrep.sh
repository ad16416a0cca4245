# egrep fgrep grep
grep -c name3 text; grep -v name text; echo $?; grep -n '^1. ' text; egrep '^(7|8)[0-9] .*[36]$' text
fgrep -o -w name2 text | uniq -c; grep -q x none; echo $?; grep -l name text none; grep -rn 'name5$' . | head -2
grep -A1 -B1 '^99' text; grep -i NAME1 text | head -1; grep -e 1 -e 2 -x text; echo $?; grep -f text text | wc -l
