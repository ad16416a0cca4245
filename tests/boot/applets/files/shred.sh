# shred
shred text; wc -c text; shred -n 1 -z -u text; ls; shred none; echo $?
