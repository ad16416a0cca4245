# base64
base64 text | head -2; base64 text | base64 -d | cmp - text; echo $?; echo '!' | base64 -d
