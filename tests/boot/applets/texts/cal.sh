# cal
cal 2 2024; cal -y 1999 | head -5; cal -j 12 2000
