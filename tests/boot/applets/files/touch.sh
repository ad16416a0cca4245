# touch
touch -d '2001-02-03 04:05:06' a; stat -c '%Y %X' a; touch -r a b; stat -c %Y b; touch -c none; ls; touch -t 200203040506.07 a; stat -c %y a | cut -c1-19; touch -m -d @5 a; stat -c '%Y' a; touch x/y; echo $?; touch -h -d @9 l; ln -s none l; touch -h -d @9 l; ls
