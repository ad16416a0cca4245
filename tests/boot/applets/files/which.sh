# which
which ls sh | sed 's,.*/,,'; which none; echo $?; which ./text; chmod +x text; which ./text; PATH= which ls; echo $?
