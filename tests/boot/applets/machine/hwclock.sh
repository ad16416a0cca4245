# hwclock
hwclock -x 2>&1 | head -1
