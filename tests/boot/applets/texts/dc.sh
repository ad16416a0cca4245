# dc
echo '2 3 + p 10 k 2 v p 16 o 255 p [la 1 - d sa 0 <b] sb 3 sa lb x la p' | dc
