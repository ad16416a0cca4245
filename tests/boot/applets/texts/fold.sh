# fold
fold -w 11 text | head -5; echo 'some words in a line' | fold -s -w 8
