# mv
mv text a; ls; mkdir d; mv a d; ls d; mv d e; ls; mv none x; echo $?; touch x y; mv x y e; ls e; mkdir z; touch z/x; mv -n e/x z; ls e z; mv e e/sub; echo $?; ln -s e l; mv l z; ls -l z | awk '{ print $9, $10, $11 }'; mv z/x z/x; echo $?; touch 1; mkdir 2 2/1; mv 1 2; echo $?; mv -f 2 1; echo $?
