# getopt
getopt -o ab:c:: -l long,with: -- -a -b x --long --with=y rest -- -z; getopt ab: -a -b c d; getopt -o a -- -x; echo $?
