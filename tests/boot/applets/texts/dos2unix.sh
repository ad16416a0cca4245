# dos2unix unix2dos
unix2dos text; od -c text | head -1; wc -c text; dos2unix text; wc -c text; md5sum text
