# mktemp
f=$(mktemp -p . x.XXXXXX); stat -c '%a %s' $f; d=$(mktemp -d -p . y.XXXXXX); stat -c '%a %F' $d; mktemp -p none z.XXXXXX 2>&1 | cut -c1-20; TMPDIR=. mktemp | cut -c1-6; mktemp -u a.XXXXXX | wc -c
