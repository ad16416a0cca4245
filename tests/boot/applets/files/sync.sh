# sync
sync; echo $?; sync text; echo $?
