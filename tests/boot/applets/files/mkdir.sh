# mkdir rmdir
mkdir a; mkdir a; echo $?; mkdir -p a/b/c/d a; mkdir -m 711 m; stat -c %a m; rmdir a; echo $?; rmdir -p a/b/c/d; ls; rmdir none; rmdir text; echo $?; mkdir x/y; echo $?; mkdir text/a; echo $?; mkdir ''; rmdir m/.; echo $?
