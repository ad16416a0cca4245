# jobs
exec 2>/dev/null  # when it is told that a job was killed is left to chance
sleep 1000 & jobs | sed 's/ *$//'; kill -STOP $!; kill -CONT $!
kill -9 $!; wait $!; echo $?; (exit 3) & wait $!; echo $?; sleep 0.1 & sleep 0.2 & wait; echo done
{ sleep 0.1; echo later; } & echo first; wait; false & wait %%; echo $?
