# mt
mt -f none status; echo $?
