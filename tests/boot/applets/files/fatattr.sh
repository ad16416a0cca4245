# fatattr
fatattr text; echo $?
