# gunzip gzip zcat uncompress
gzip -c text | gunzip | cmp - text; echo $?; gzip -9 text; ls; zcat text.gz | wc; gzip -t text.gz; echo $?; gunzip text.gz; ls; gzip none; gunzip text; echo $?; uncompress text; echo $?
