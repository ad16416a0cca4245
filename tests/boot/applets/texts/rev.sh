# rev tac
rev text | head -2; tac text | head -2; printf 'no end' | tac; echo; printf 'ab\n\ncd' | rev
