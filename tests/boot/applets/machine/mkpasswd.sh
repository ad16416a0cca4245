# mkpasswd
mkpasswd -m md5 -S saltsalt secret; mkpasswd -m sha512 -S saltsalt secret; mkpasswd -m des -S ab secret; mkpasswd -m sha256 -S saltsalt a
