# sh ash
sh -c 'echo $0 $1' a b; ash -c 'echo $((1 + 2)) ${x:-y}'; echo 'echo from $#' | sh -s 1 2; sh none; echo $?; sh -e -c 'false; echo no'; echo $?; sh -x -c 'echo traced' 2>&1; sh -c 'set -u; echo $none'; echo $?
