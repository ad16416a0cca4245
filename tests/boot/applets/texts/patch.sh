# patch
cp text b; sed -i -e 3d -e '20s/name/x/' b; diff -u text b >p; patch text p; cmp text b; echo $?
patch -R text p; echo $?; patch text p; patch -N text p; echo $?
