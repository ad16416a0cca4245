# uniq
cut -d' ' -f2 text | sort >s; uniq -c s; uniq -d s | head -1; sort -n text | uniq -u | wc -l; uniq -f 1 -w 4 s | wc -l; uniq -i s x; wc -l x
