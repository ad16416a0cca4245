# yes
yes | head -2; yes a b | head -20000 | md5sum
