# readlink realpath
mkdir d; ln -s ../text d/l; readlink d/l; readlink text; echo $?; readlink -f d/l | sed 's,.*/,,'; ln -s o o; readlink -f o; cat o; echo $?; realpath d/../d/l | sed 's,.*/,,'; realpath none/x; echo $?; readlink -f d/none | sed 's,.*/d,d,'; readlink -n d/l
