# traps
trap 'echo got USR1' USR1; kill -USR1 $$; trap 'echo HUP' HUP; sh -c "kill -HUP $$"; sh -c 'kill -HUP $PPID'
trap '' TERM; kill $$; sh -c 'kill $$; echo inherited'; trap - TERM; (trap 'echo inner' EXIT; exit 4); echo $?
trap 'echo woken' ALRM; (sleep 0.2; kill -ALRM $$) & wait $!; wait; trap | sed 's/SIG//'
trap 'echo end $?' EXIT; exit 7
