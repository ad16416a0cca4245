# fdisk partprobe
truncate -s 4M disk; printf 'o\nn\np\n1\n\n\nw\n' | fdisk -C 8 -H 16 -S 63 disk | tail -2; fdisk -l disk | tail -1; partprobe none; echo $?
