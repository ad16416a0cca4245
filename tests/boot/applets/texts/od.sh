# od
od -c text | head -2; od -tx1 -An text | head -1; od -td4 -j 8 -N 16 text; echo abc | od -b
