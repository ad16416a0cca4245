# rm
rm text; ls; rm none; echo $?; rm -f none; echo $?; mkdir -p d/e; touch d/f; rm d; echo $?; rm -r d; ls; touch -- -x; rm -- -x; ls; rm -rf . ; echo $?; mkdir a; ln -s a b; rm b; ls; rm -r a/; ls; rm ''; echo $?
