# find
mkdir -p a/b c; touch a/b/f c/g; ln -s a/b l; find . | sort; find . -type f -name '[fg]' -exec echo found {} + | tr ' ' '\n' | sort; find -L l -type f
find . -type d -empty | sort; touch -d 2001-01-01 text; find . -newer text -type l; find . -maxdepth 1 -mindepth 1 | sort; find . -size +0 -type f; find . -name c -prune -o -print | sort
find . -perm 600; find none; echo $?; find . -type f -print0 | xargs -0 -n1 | sort; find c -delete; ls; find . -links +1 -type f; find . -inum $(stat -c %i text); find . -user none; echo $?; find a -depth
