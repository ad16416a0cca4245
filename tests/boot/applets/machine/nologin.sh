# nologin
nologin 2>&1 & sleep 0.3; kill $!
