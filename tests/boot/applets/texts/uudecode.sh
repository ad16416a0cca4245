# uudecode uuencode
uuencode text name | head -2; uuencode text name | uudecode -o - | cmp - text; echo $?; uuencode -m text n | uudecode; cmp n text; echo $?
