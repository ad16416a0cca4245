# lzop
lzop -k text; ls; lzop -dc text.lzo | cmp - text; echo $?; lzop -t text.lzo; echo $?
