# link unlink ln
link text h; test h -ef text && echo same; stat -c %h text; unlink h; stat -c %h text; link none x; echo $?; ln text k; ln -s none s; ln -sf text s; cat s | wc -l; ln text k; echo $?; ln -s x k; mkdir d; ln -s ../text d; wc -l d/text; unlink d; echo $?; ln d e; echo $?; ln -sfn text s; readlink s
