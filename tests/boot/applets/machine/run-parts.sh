# run-parts
mkdir d; for n in b a c; do echo "echo $n \$1" >d/$n; done; sed -i '1i#!/bin/sh' d/*; chmod +x d/a d/b; run-parts -a arg d; echo $?; run-parts --test d; echo exit 3 >>d/a; run-parts --exit-on-error d; echo $?
