# bunzip2 bzcat bzip2
bzip2 -k text; ls; bzcat text.bz2 | cmp - text; echo $?; rm text; bunzip2 text.bz2; md5sum text; bzip2 <text | od -tx1 | head -2; bunzip2 text; echo $?
