# setpriv
setpriv --nnp grep NoNewPrivs /proc/self/status; setpriv --inh-caps=-all grep CapInh /proc/self/status; setpriv --dump 2>&1 | sed -n 's/^\(no_new_privs\)/\1/p'
