# cp
cp text a; cmp text a; echo $?; mkdir d; cp text a d; ls d; cp -r d e; ls e; ln -s text l; cp -d l m; readlink m; cp l k; cmp k text && test ! -L k && echo followed
cp -p text p; test p -ot text; echo $?; cp none x; echo $?; cp d x; echo $?; cp -l text h; test h -ef text && echo linked; cp -s $PWD/text s; readlink s | grep -c text
cp text text; echo $?; mkfifo f; cp -R f g; test -p g && echo pipe; cp -u text a; cp -a d q; ls -R q; cp --parents d/a e; ls e/d
