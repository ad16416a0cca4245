# ts
printf 'a\nb\n' | ts x; echo c | ts '%Y' | wc -w
