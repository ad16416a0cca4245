# md5sum sha1sum sha256sum sha3sum sha512sum
for s in md5sum sha1sum sha256sum sha3sum sha512sum; do $s text >sums; cat sums; $s -c sums; done
echo x >>text; sha1sum -c sums; echo $?; md5sum none; echo $?; md5sum <text
