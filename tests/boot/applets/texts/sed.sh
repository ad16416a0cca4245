# sed
sed -n -e 's/name\([0-6]\)/\1 &/' -e '3,6p' text; sed '/name0/,/name3/d' text | wc -l
sed -n '$='  text; sed -i.bak 's/ /_/' text; head -1 text text.bak; echo abc | sed 'y/abc/xyz/;h;G;s/\n/+/'
sed -n '1{h;d};H;${x;s/\n/,/g;p}' text | cut -c1-40; echo a | sed -e ':a' -e 's/^.\{1,5\}$/&a/;ta'; sed p none; echo $?
