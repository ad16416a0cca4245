# nproc
nproc | grep -c '^[1-9]'; taskset 1 nproc
