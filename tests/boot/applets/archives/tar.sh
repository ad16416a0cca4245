# tar
mkdir -p d/e; cp text d; ln -s text d/l; ln d/text d/h; mkfifo d/f; chmod 640 d/text; tar cf t.tar d/text d/l d/h d/f d/e; tar tf t.tar
tar tvf t.tar | awk '{ print $1, $6 }'; mkdir x; tar xf t.tar -C x; ls -l x/d | awk '{ print $1, $2, $9 }'
tar czf t.tgz d/text d/l; tar xzOf t.tgz d/text | md5sum; tar cf - d | tar tf - | wc -l; tar xf none; echo $?; tar tf text; echo $?
cat t.tgz | tar xz d/l; ls
