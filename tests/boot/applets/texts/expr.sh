# expr
expr 6 \* 7; expr abc : 'a\(.\)'; expr length hello; expr 5 '<' 3; echo $?; expr 1 / 0; echo $?; expr substr abcdef 2 3
