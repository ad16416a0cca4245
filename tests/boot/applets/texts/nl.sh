# nl
nl text | tail -2; printf 'a\n\nb\n' | nl -b a -v 5 -i 2; nl -s: -w 3 text | head -2
