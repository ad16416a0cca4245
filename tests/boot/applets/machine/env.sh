# env
env -i A=1 B=2 env; X=5 env | grep ^X; env -u HOME sh -c 'echo ${HOME-none}'; env none; echo $?; env -i sh -c 'echo $A.'; env -0 -i A=1 | od -c
