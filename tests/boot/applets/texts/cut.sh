# cut
cut -d' ' -f2 text | sort | uniq -c; cut -c1-3,5- text | head -3; echo a:b:c | cut -d: -f1,3; echo a | cut; echo $?
