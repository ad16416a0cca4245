# date
TZ=UTC date -d @1700000000; TZ=UTC0 date -d '2024-02-29 12:34:56' +%s; date -d @0 -u +%FT%TZ; TZ=CET-1CEST,M3.5.0,M10.5.0 date -d @1720000000 +%R%Z
date -d nonsense; echo $?; date -r none; touch -d @77 text; date -r text +%s; date -u -d @86399 '+%j %U %w %a %b %d %I:%M:%S %p'; date -I | wc -c; [ $(date +%s) -gt 1700000000 ] && echo now
