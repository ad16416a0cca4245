# stat
touch -d '2001-02-03 04:05:06' t; chmod 4751 t; stat -c '%n %s %b %B %f %a %A %h %F %Y %X %t' t; stat -c '%s %b %F' text; stat t | sed -n 's/^Modify: //p' | cut -c1-19; ln -s t l; stat -c '%N %F %s' l; stat -Lc %F l; stat -c %F . /dev/null; stat -c '%t,%T' /dev/null /dev/zero; stat none; echo $?; stat -f -c %l .; mkdir d; stat -c '%h %F' d
