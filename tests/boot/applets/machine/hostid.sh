# hostid hostname
hostid | wc -c; hostname | wc -w; [ $(hostname) = $(uname -n) ] && echo same
